// SPDX-License-Identifier: GPL-2.0-or-later
/* Desired state: what a plan becomes in the real maps, and what becomes of the maps when the plan, or somebody, changes. */
#include "test_kernel_world.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>

static struct muster_config read_config(void)
{
	struct muster_config config;
	uint32_t zero = 0;
	int fd = pinned("muster_config");

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &config), 0);
	close(fd);
	return config;
}

static uint32_t table_id(uint32_t service)
{
	uint32_t id = 0;
	int fd = pinned("muster_picks");

	if (bpf_map_lookup_elem(fd, &service, &id) < 0)
		id = 0;
	close(fd);
	return id;
}

static uint64_t table_element(uint32_t service, uint32_t element)
{
	uint64_t value = ~0ull;
	int fd = bpf_map_get_fd_by_id(table_id(service));

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &element, &value), 0);
	close(fd);
	return value;
}

static uint32_t vip_service(const char *address, uint16_t port)
{
	struct muster_vip vip = {.addr = addr(address), .port = htons(port), .proto = IPPROTO_TCP};
	uint32_t service = ~0u;
	int fd = pinned("muster_vips");

	(void)bpf_map_lookup_elem(fd, &vip, &service);
	close(fd);
	return service;
}

static void twice_is_once(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	/* 2 servers, 1 service, 1 address are new; the configuration and the table change */
	assert_sync(w, 4, 0, 2);
	assert_sync(w, 0, 0, 0);
	assert_string_equal(read_server(0).name, "web-01");
	assert_int_equal(vip_service("10.99.0.100", 80), 0);
	assert_int_equal(table_element(0, MUSTER_PICKS_LEN), 2);
	assert_int_equal(table_element(0, MUSTER_PICKS_SLOT + 1), 1);
	/* and still after the hops were resolved and stamped */
	assert_true(loop_until(
		w, 3000, kernel_hop(w->kernel, 0, NULL) == HOP_GOOD && kernel_hop(w->kernel, 1, NULL) == HOP_GOOD));
	assert_sync(w, 0, 0, 0);
}

static void configuration_is_filled_in(void **state)
{
	struct world *w = *state;
	struct muster_config config;

	must_open(w);
	plan_of_two(w);
	run("echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range");
	sync_now(w);
	config = read_config();
	assert_int_equal(config.abi, MUSTER_ABI);
	assert_in_range(config.ticks_per_s, 100, 1000);
	/* in beats of 64 ticks, rounded up */
	assert_int_equal(config.timeout[MUSTER_FLOW_HALF_OPEN], (60 * config.ticks_per_s + 63) / 64);
	assert_int_equal(config.timeout[MUSTER_FLOW_UDP], (300 * config.ticks_per_s + 63) / 64);
	assert_int_equal(config.timeout[MUSTER_FLOW_FREE], 0);
	assert_int_equal(config.hop_stale, 60 * config.ticks_per_s);
	assert_int_equal(config.ports[0].count + config.ports[1].count, 36280);
	assert_true(config.secret[0] || config.secret[1]);
	/* the secret outlives the agent */
	kernel_close(&w->kernel);
	must_open(w);
	assert_sync(w, 0, 0, 0);
	assert_memory_equal(read_config().secret, config.secret, sizeof(config.secret));
}

static void removed_server_leaves_no_trace(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	w->plan.n_servers = 1;
	w->service.n_slots = 1;
	assert_sync(w, 0, 1, 1);
	assert_int_equal(read_server(1).state, MUSTER_SERVER_FREE);
	assert_int_equal(read_server(1).generation, 2); /* raised: nobody inherits its flows */
	assert_int_equal(table_element(0, MUSTER_PICKS_LEN), 1);
	/* the last service goes: address, table, records */
	w->plan.n_servers = 0;
	w->plan.n_services = 0;
	assert_sync(w, 0, 3, 0);
	assert_int_equal(vip_service("10.99.0.100", 80), ~0u);
	assert_int_equal(table_id(0), 0);
	assert_sync(w, 0, 0, 0);
}

static void put_flows_new(const char *map, uint32_t index, uint64_t flows)
{
	int cpus = libbpf_num_possible_cpus();
	struct muster_stats *stats = calloc(cpus, sizeof(*stats));

	for (int i = 0; i < cpus; i++)
		stats[i].flows_new = flows;
	write_map(map, &index, stats);
	free(stats);
}

static void record_taken_again_counts_from_zero(void **state)
{
	struct world *w = *state;
	struct kernel_counters *counters = calloc(1, sizeof(*counters));

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	put_flows_new("muster_srv_stat", 0, 7);
	put_flows_new("muster_srv_stat", 1, 9);
	put_flows_new("muster_svc_stat", 1, 5); /* what an earlier service of that record left */
	w->plan.n_servers = w->service.n_slots = 1;
	sync_now(w);
	w->plan.n_servers = w->service.n_slots = 2;
	set_server(w, 1, "web-03", "10.99.0.4");
	w->server[1].record.generation = 3;
	struct plan_service services[2] = {w->service, w->service};
	services[1].index = 1;
	services[1].record.port = htons(81);
	services[1].n_slots = 0;
	w->plan.services = services;
	w->plan.n_services = 2;
	sync_now(w);
	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	if (counters->server[1].flows_new)
		fail_msg("web-03 begins with %llu flows that were its predecessor's",
			 (unsigned long long)counters->server[1].flows_new);
	if (counters->service[1].flows_new)
		fail_msg("a service begins with %llu flows that were its predecessor's",
			 (unsigned long long)counters->service[1].flows_new);
	/* who stays keeps what was counted, over a restart too */
	kernel_close(&w->kernel);
	must_open(w);
	sync_now(w);
	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	assert_int_equal(counters->server[0].flows_new, 7 * libbpf_num_possible_cpus());
	free(counters);
}

static void order_of_slots_is_a_change(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	w->slots[0] = 1;
	w->slots[1] = 0;
	assert_sync(w, 0, 0, 1);
	assert_int_equal(table_element(0, MUSTER_PICKS_SLOT), 1);
}

static void table_is_swapped_only_when_it_differs(void **state)
{
	struct world *w = *state;
	uint32_t key = MUSTER_PICKS_TURN, id;
	uint64_t turns = 17;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	id = table_id(0);
	int fd = bpf_map_get_fd_by_id(id);
	assert_int_equal(bpf_map_update_elem(fd, &key, &turns, BPF_ANY), 0);
	close(fd);
	w->server[0].record.weight_declared = 200;
	assert_sync(w, 0, 0, 1);
	assert_int_equal(table_id(0), id);
	assert_int_equal(kernel_turns(w->kernel, 0), 17);
	w->service.n_slots = 3;
	w->slots[2] = 0;
	assert_sync(w, 0, 0, 1);
	assert_int_not_equal(table_id(0), id);
	assert_int_equal(kernel_turns(w->kernel, 0), 0);
	w->service.n_slots = 0;
	assert_sync(w, 0, 0, 1);
	assert_int_equal(table_element(0, MUSTER_PICKS_LEN), 0);
	assert_sync(w, 0, 0, 0);
}

static void moved_address_is_published_before_the_old_goes(void **state)
{
	struct world *w = *state;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	w->service.record.port = htons(8000);
	assert_sync(w, 1, 1, 1);
	assert_int_equal(vip_service("10.99.0.100", 8000), 0);
	assert_int_equal(vip_service("10.99.0.100", 80), ~0u);
}

static void edits_behind_the_back_are_repaired(void **state)
{
	struct world *w = *state;
	struct muster_vip vip = {.addr = addr("10.99.0.100"), .port = htons(80), .proto = IPPROTO_TCP};
	struct muster_server record;
	uint32_t one = 1, slot = MUSTER_PICKS_SLOT;
	uint64_t wrong = 1;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	record = read_server(1);
	record.weight_effective = 1;
	record.port = htons(9);
	write_map("muster_servers", &one, &record);
	int fd = pinned("muster_vips");
	assert_int_equal(bpf_map_delete_elem(fd, &vip), 0);
	close(fd);
	fd = bpf_map_get_fd_by_id(table_id(0));
	assert_int_equal(bpf_map_update_elem(fd, &slot, &wrong, BPF_ANY), 0);
	close(fd);
	assert_sync(w, 1, 0, 2);
	assert_int_equal(read_server(1).port, htons(8080));
	assert_int_equal(vip_service("10.99.0.100", 80), 0);
	assert_int_equal(table_element(0, MUSTER_PICKS_SLOT), 0);
	assert_sync(w, 0, 0, 0);
}

static void snapshot_gives_back_what_was_synced(void **state)
{
	struct world *w = *state;
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = NULL;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	kernel_close(&w->kernel);
	must_open(w);
	assert_int_equal(kernel_snapshot(w->kernel, &snapshot), 0);
	assert_int_equal(snapshot->n_services, 1);
	assert_int_equal(snapshot->n_servers, 2);
	assert_string_equal(snapshot->services[0].record.name, "www");
	assert_int_equal(snapshot->services[0].n_slots, 2);
	assert_int_equal(snapshot->services[0].slots[1], 1);
	assert_string_equal(snapshot->servers[1].record.name, "web-02");
	assert_int_equal(snapshot->generation[1], 1);
}

/* Stands before libc's, by which libbpf asks the kernel: its calls can be counted. */
static unsigned system_calls;

long syscall(long number, ...)
{
	static long (*of_libc)(long, ...);
	long a[6];
	va_list ap;

	if (!of_libc)
		of_libc = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	system_calls++;
	return of_libc(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What is in the kernel is looked at as a whole, however many servers there are: not one by one. */
static void idle_sync_of_4096_servers_is_cheap(void **state)
{
	struct world *w = *state;
	struct plan_server *servers = calloc(MUSTER_MAX_SERVERS, sizeof(*servers));
	uint32_t *slots = calloc(MUSTER_MAX_SERVERS, sizeof(*slots));
	char address[32];

	must_open(w);
	plan_of_two(w);
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		snprintf(address, sizeof(address), "10.99.%u.%u", 1 + i / 250, 1 + i % 250);
		servers[i] = w->server[0];
		servers[i].index = slots[i] = i;
		servers[i].record.addr = addr(address);
	}
	run("ip route add 10.99.0.0/16 via 10.99.0.2");
	w->plan.servers = servers;
	w->plan.n_servers = w->service.n_slots = MUSTER_MAX_SERVERS;
	w->service.slots = slots;
	system_calls = 0;
	sync_now(w);
	assert_true(system_calls > MUSTER_MAX_SERVERS); /* the counter counts: each server is new */
	system_calls = 0;
	assert_sync(w, 0, 0, 0);
	assert_in_range(system_calls, 1, 16);
	free(servers);
	free(slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(twice_is_once),
		test_in_world(configuration_is_filled_in),
		test_in_world(removed_server_leaves_no_trace),
		test_in_world(record_taken_again_counts_from_zero),
		test_in_world(order_of_slots_is_a_change),
		test_in_world(table_is_swapped_only_when_it_differs),
		test_in_world(moved_address_is_published_before_the_old_goes),
		test_in_world(edits_behind_the_back_are_repaired),
		test_in_world(snapshot_gives_back_what_was_synced),
		test_in_world(idle_sync_of_4096_servers_is_cheap),
	};

	return cmocka_run_group_tests_name("kernel_sync", tests, NULL, NULL);
}
