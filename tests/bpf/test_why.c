/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program with its read-only switch on says what the program would do, and changes no map: every map is taken down
 * whole before and after, inner maps, per-CPU values and the ring buffer's positions included.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <muster/trace.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "kernel/ticks.h"

static struct bpf_object *dry;

/* The same object over the same maps, with the switch on or, to see that these tests can fail, off. */
static struct bpf_object *load_over(bool dry_run)
{
	const char *path = getenv("MUSTER_OBJECT");
	struct bpf_object *second = bpf_object__open_file(path ? path : "build/muster.bpf.o", NULL);
	struct bpf_map *map, *first;

	assert_non_null(second);
	bpf_object__for_each_map(map, second)
	{
		if (!bpf_map__pin_path(map))
			continue;
		first = bpf_object__find_map_by_name(object, bpf_map__name(map));
		assert_int_equal(bpf_map__set_pin_path(map, NULL), 0);
		assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(first)), 0);
	}
	map = bpf_object__find_map_by_name(second, MUSTER_DRY_RUN);
	assert_non_null(map);
	assert_int_equal(bpf_map__set_initial_value(map, &dry_run, sizeof(dry_run)), 0);
	assert_int_equal(bpf_object__load(second), 0);
	return second;
}

static int why_up(void **state)
{
	int r = bench_up(state);

	dry = load_over(true);
	return r;
}

static int why_down(void **state)
{
	bpf_object__close(dry);
	return bench_down(state);
}

/* --- every byte of every map ------------------------------------------------------------------------------------ */

static struct bpf_map_info info_of(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info;
}

static void dump_map(FILE *out, int fd);

/* An array of maps is what is in its inner maps, and which these are. */
static void dump_inner(FILE *out, uint32_t id)
{
	int fd = bpf_map_get_fd_by_id(id);

	assert_true(fd >= 0);
	fwrite(&id, sizeof(id), 1, out);
	dump_map(out, fd);
	close(fd);
}

static void dump_elements(FILE *out, int fd, const struct bpf_map_info *info)
{
	bool per_cpu = info->type == BPF_MAP_TYPE_PERCPU_ARRAY;
	size_t size = per_cpu ? ((info->value_size + 7) & ~7U) * (size_t)libbpf_num_possible_cpus() : info->value_size;
	char *keys = calloc(info->max_entries, info->key_size), *values = calloc(info->max_entries, size), next[64];
	uint32_t count = info->max_entries;

	/* All in one call; -ENOENT: that was the last of them. */
	if (bpf_map_lookup_batch(fd, NULL, next, keys, values, &count, NULL) && errno != ENOENT)
		fail_msg("%s cannot be read: %s", info->name, strerror(errno));
	fwrite(keys, info->key_size, count, out);
	for (uint32_t i = 0; i < count && info->type == BPF_MAP_TYPE_ARRAY_OF_MAPS; i++)
		dump_inner(out, ((uint32_t *)values)[i]);
	if (info->type != BPF_MAP_TYPE_ARRAY_OF_MAPS)
		fwrite(values, size, count, out);
	free(values);
	free(keys);
}

/* The positions of the reader and of the writer stand in the first word of the first two pages. */
static void dump_ring(FILE *out, int fd)
{
	long page = sysconf(_SC_PAGESIZE);

	for (int i = 0; i < 2; i++) {
		void *positions = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, i * page);

		assert_ptr_not_equal(positions, MAP_FAILED);
		fwrite(positions, sizeof(long), 1, out);
		munmap(positions, page);
	}
}

static void dump_map(FILE *out, int fd)
{
	struct bpf_map_info info = info_of(fd);

	fwrite(info.name, sizeof(info.name), 1, out);
	if (info.type == BPF_MAP_TYPE_RINGBUF)
		dump_ring(out, fd);
	else
		dump_elements(out, fd, &info);
}

struct dump {
	char *bytes;
	size_t size;
};

static struct dump dump_all(void)
{
	struct dump dump = {0};
	FILE *out = open_memstream(&dump.bytes, &dump.size);
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) if (strncmp(bpf_map__name(map), "muster_", 7) == 0)
		dump_map(out, bpf_map__fd(map));
	fclose(out);
	return dump;
}

static bool same_dump(const struct dump *a, const struct dump *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

struct asked {
	struct muster_trace trace;
	struct frame frame; /* what would be sent */
};

static void run_frame(struct bpf_object *in, const struct frame *frame, struct asked *out)
{
	struct xdp_md context = {.data_end = frame->size, .ingress_ifindex = front};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = frame->size,
		    .data_out = out->frame.data, .data_size_out = sizeof(out->frame.data), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	struct muster_trace none = {0};
	uint32_t zero = 0;
	int trace = bpf_object__find_map_fd_by_name(in, "muster_trace");

	bpf_map_update_elem(trace, &zero, &none, BPF_ANY);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf_object__find_program_by_name(in, "muster")), &opts),
			 0);
	out->frame.size = opts.data_size_out;
	assert_int_equal(bpf_map_lookup_elem(trace, &zero, &out->trace), 0);
}

/* Asks twice, from before to after without a trace in any map. */
static struct asked ask(const char *what, const struct packet *packet)
{
	struct dump before = dump_all(), after;
	struct asked first, second;
	struct frame frame;

	packet_build(&frame, packet);
	run_frame(dry, &frame, &first);
	run_frame(dry, &frame, &second);
	after = dump_all();
	if (!same_dump(&before, &after))
		fail_msg("%s: asking changed a map", what);
	assert_memory_equal(&first.trace, &second.trace, offsetof(struct muster_trace, flow));
	assert_int_equal(first.trace.verdict, second.trace.verdict);
	free(before.bytes);
	free(after.bytes);
	return first;
}

/* Asks, then lets the packet come: what was said comes true. */
static struct asked ask_and_see(const char *what, const struct packet *packet, enum muster_verdict wanted)
{
	struct asked said = ask(what, packet);
	struct outcome outcome = expect(what, packet, wanted, NULL);

	if (said.trace.verdict != wanted)
		fail_msg("%s: verdict %u was said, and came out as %u", what, said.trace.verdict, wanted);
	if (wanted == MUSTER_VERDICT_TO_SERVER || wanted == MUSTER_VERDICT_TO_CLIENT)
		check_frame(&said.frame, &outcome.frame, what);
	return said;
}

static struct packet from_client(uint16_t sport, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct packet){.from = CLIENT,
			       .to = VIP,
			       .sport = sport,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = seq,
			       .ack = ack};
}

static struct packet answer_of(const struct asked *opened, uint8_t flags, uint32_t seq)
{
	bool full = opened->trace.flow.mode == MUSTER_MODE_FULLNAT;

	return (struct packet){.from = opened->trace.server == 1 ? WEB_01 : WEB_02,
			       .to = full ? SOURCE : CLIENT,
			       .sport = SERVER_PORT,
			       .dport = ntohs(opened->trace.flow.nat_port),
			       .flags = flags,
			       .seq = seq,
			       .ack = 101};
}

static void scheduler_is(enum muster_scheduler scheduler, enum muster_mode mode)
{
	struct muster_service service = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, mode);

	service.scheduler = scheduler;
	service.observe = 1;
	service_put(WEB, &service);
}

/* A connection's whole life, each packet asked about before it comes. */
static void life(void)
{
	struct packet syn = from_client(1000, SYN, 100, 0), again = from_client(1000, SYN, 900, 0);
	struct packet ack = from_client(1000, ACK, 101, 501), fin = from_client(1000, FIN | ACK, 101, 501);
	struct packet rst = from_client(1000, RST, 101, 0), data = ack, answer, says;
	struct asked opened, then;

	data.payload = 10;
	opened = ask_and_see("a SYN", &syn, MUSTER_VERDICT_TO_SERVER);
	assert_int_equal(opened.trace.opened, 1);
	answer = answer_of(&opened, SYN | ACK, 500);
	then = ask_and_see("the SYN again", &syn, MUSTER_VERDICT_TO_SERVER);
	assert_int_equal(then.trace.opened, 0);
	assert_int_equal(then.trace.server, opened.trace.server);
	assert_int_equal(then.trace.flow.nat_port, opened.trace.flow.nat_port);
	assert_int_equal(muster_tag_state(then.trace.tag), MUSTER_FLOW_HALF_OPEN);
	ask_and_see("a SYN of another connection in its place", &again, MUSTER_VERDICT_TO_SERVER);
	opened = ask("the one that it opened", &again);
	answer = answer_of(&opened, SYN | ACK, 500);
	ask_and_see("the server's answer", &answer, MUSTER_VERDICT_TO_CLIENT);
	ask_and_see("the acknowledgement", &ack, MUSTER_VERDICT_TO_SERVER);
	flow_age(&data, 1);
	then = ask_and_see("data", &data, MUSTER_VERDICT_TO_SERVER);
	assert_int_equal(muster_tag_state(then.trace.tag), MUSTER_FLOW_ESTABLISHED);
	data.mac_from = role_mac(GATEWAY);
	ask_and_see("data by another way", &data, MUSTER_VERDICT_TO_SERVER);
	says = answer;
	says.flags = ACK;
	says.payload = 20;
	ask_and_see("the server's data", &says, MUSTER_VERDICT_TO_CLIENT);
	ask_and_see("a FIN", &fin, MUSTER_VERDICT_TO_SERVER);
	ask_and_see("data after it", &data, MUSTER_VERDICT_TO_SERVER);
	ask_and_see("a RST", &rst, MUSTER_VERDICT_TO_SERVER);
	says.flags = RST;
	says.payload = 0;
	ask_and_see("the server's RST", &says, MUSTER_VERDICT_TO_CLIENT);
	ask_and_see("the next connection from that port", &syn, MUSTER_VERDICT_TO_SERVER);
}

static void test_every_scheduler(void **state)
{
	(void)state;
	for (int mode = MUSTER_MODE_FULLNAT; mode <= MUSTER_MODE_NAT; mode++)
		for (int scheduler = 0; scheduler <= MUSTER_SCHEDULER_LEAST_CONNECTIONS; scheduler++) {
			bench_reset(state);
			pool_make(4, mode);
			scheduler_is(scheduler, mode);
			life();
		}
}

static void test_twenty_new_flows_go_where_it_was_said(void **state)
{
	unsigned one = 0;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (uint16_t i = 0; i < 20; i++) {
		struct packet syn = from_client(2000 + i, SYN, i, 0);
		struct asked said = ask_and_see("a SYN", &syn, MUSTER_VERDICT_TO_SERVER);

		one += said.trace.server == 1;
		assert_int_equal(said.frame.data[5], role_mac(said.trace.server == 1 ? WEB_01 : WEB_02)[5]);
		assert_int_equal(source_port(&said.frame), ntohs(said.trace.flow.nat_port));
	}
	assert_int_equal(one, 10);
	assert_int_equal(picks_turn(WEB), 20);
}

static void test_ipv6_and_datagrams(void **state)
{
	struct packet syn = from_client(1000, SYN, 1, 0), datagram = from_client(1000, 0, 0, 0);

	pool_make(6, MUSTER_MODE_FULLNAT);
	syn.family = datagram.family = 6;
	datagram.proto = IPPROTO_UDP;
	ask_and_see("an IPv6 SYN", &syn, MUSTER_VERDICT_TO_SERVER);
	ask_and_see("an IPv6 datagram", &datagram, MUSTER_VERDICT_TO_SERVER);
	bench_reset(state);
	pool_make(4, MUSTER_MODE_NAT);
	datagram.family = 4;
	ask_and_see("a datagram", &datagram, MUSTER_VERDICT_TO_SERVER);
	ask_and_see("the next one", &datagram, MUSTER_VERDICT_TO_SERVER);
}

static void test_refusals(void **state)
{
	struct packet syn = from_client(1000, SYN, 1, 0), ack = from_client(1001, ACK, 1, 1), rst = syn, other = syn;
	struct packet bad = syn, datagram = syn;
	struct muster_service service;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	rst.flags = RST;
	other.dport = 9999;
	bad.bad_checksum = true;
	datagram.proto = IPPROTO_UDP;
	ask_and_see("a packet for no service", &other, MUSTER_VERDICT_NO_SERVICE);
	ask_and_see("a SYN with a wrong checksum", &bad, MUSTER_VERDICT_BAD_CHECKSUM);
	ask_and_see("an ACK of no flow", &ack, MUSTER_VERDICT_NO_FLOW);
	ask_and_see("a RST of no flow", &rst, MUSTER_VERDICT_NO_FLOW_QUIET);
	picks_put(WEB, (int[]){-1});
	picks_put(WEB_UDP, (int[]){-1});
	ask_and_see("a SYN for an empty pool", &syn, MUSTER_VERDICT_POOL_EMPTY);
	ask_and_see("a datagram for an empty pool", &datagram, MUSTER_VERDICT_POOL_EMPTY);
	service = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_FULLNAT);
	service.on_empty = MUSTER_ON_EMPTY_DROP;
	service_put(WEB, &service);
	ask_and_see("a SYN that is to be dropped", &syn, MUSTER_VERDICT_POOL_EMPTY_DROP);
}

static void test_servers_that_are_full_down_or_out_of_reach(void **state)
{
	struct packet syn = from_client(1000, SYN, 1, 0), ack = from_client(1000, ACK, 2, 1);
	struct packet next = from_client(1001, SYN, 1, 0);
	struct muster_server server = server_make(WEB, WEB_01, 4, SERVER_PORT);

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	server.max_flows = 1;
	server_put(1, &server);
	ask_and_see("a SYN for its last place", &syn, MUSTER_VERDICT_TO_SERVER);
	ask_and_see("a SYN for a full pool", &next, MUSTER_VERDICT_POOL_FULL);
	server.generation++;
	server_put(1, &server);
	ask_and_see("a packet of a flow whose server is down", &ack, MUSTER_VERDICT_SERVER_DOWN);
	server.max_flows = 0;
	server.hop.ifindex = 0;
	server_put(1, &server);
	ask_and_see("a SYN whose server has no next hop", &next, MUSTER_VERDICT_NO_ROUTE);
}

/* Both ports of the ring are held by flows that were restored: the next is by the third. */
static void test_ports_in_use_are_passed_over(void **state)
{
	struct packet syn = from_client(1000, SYN, 1, 0), fin = from_client(1000, FIN | ACK, 2, 1), data = fin;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_put(1, PORT_FIRST, 3, 1);
	for (uint16_t i = 0; i < 2; i++) {
		syn.sport = fin.sport = data.sport = 1000 + i;
		data.flags = ACK;
		data.payload = 5;
		ask_and_see("a SYN", &syn, MUSTER_VERDICT_TO_SERVER);
		ask_and_see("its FIN", &fin, MUSTER_VERDICT_TO_SERVER);
		ask_and_see("data that restores it", &data, MUSTER_VERDICT_TO_SERVER);
	}
	syn.sport = 2000;
	ask_and_see("a SYN for the one that is left", &syn, MUSTER_VERDICT_TO_SERVER);
	syn.sport = 2001;
	ask_and_see("a SYN for none", &syn, MUSTER_VERDICT_NO_PORT);
}

/* Server and port follow from the tuple then, so that an ACK whose flow was pushed out opens it again. */
static void test_a_flood_and_who_comes_late(void **state)
{
	struct packet syn = from_client(1000, SYN, 1, 0), ack = from_client(1000, ACK, 2, 1);
	struct muster_flood flood = {0};
	struct muster_config config;
	struct ticks ticks;
	struct found found;
	uint32_t zero = 0;
	struct asked said;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	config_get(&config);
	config.ticks_per_s = 1000;
	config_put(&config);
	assert_int_equal(ticks_open(&ticks), 0);
	syn.dport = 9999;
	expect("a packet for no service, which draws the table's secret", &syn, MUSTER_VERDICT_NO_SERVICE, NULL);
	syn.dport = SERVICE_PORT;
	flood.until = (ticks_now(&ticks) + 60000) | 1;
	ticks_close(&ticks);
	map_put("muster_flood", &zero, &flood);
	said = ask_and_see("a SYN in a flood", &syn, MUSTER_VERDICT_TO_SERVER);
	assert_int_equal(said.trace.hashed, 1);
	assert_int_equal(picks_turn(WEB), 0);
	assert_true(flow_get(&syn, &found));
	entry_lose(&found);
	said = ask("an ACK whose flow is gone", &ack);
	assert_int_equal(said.trace.late, 1);
	assert_int_equal(said.trace.verdict, MUSTER_VERDICT_TO_SERVER);
}

/* What keeps the tests above honest: with the switch off the very same comparison sees a difference. */
static void test_without_the_switch_maps_change(void **state)
{
	struct bpf_object *wet = load_over(false);
	struct packet syn = from_client(1000, SYN, 1, 0), other = from_client(1000, SYN, 1, 0), bad = syn;
	struct packet *const packets[] = {&syn, &other, &bad};
	struct asked unused;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	other.dport = 9999; /* one counter of one CPU */
	bad.bad_checksum = true;
	for (unsigned i = 0; i < 3; i++) {
		struct dump before = dump_all(), after;
		struct frame frame;

		run_frame(wet, packet_build(&frame, packets[i]), &unused);
		after = dump_all();
		assert_false(same_dump(&before, &after));
		free(before.bytes);
		free(after.bytes);
	}
	bpf_object__close(wet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_scheduler, bench_reset),
		cmocka_unit_test_setup(test_twenty_new_flows_go_where_it_was_said, bench_reset),
		cmocka_unit_test_setup(test_ipv6_and_datagrams, bench_reset),
		cmocka_unit_test_setup(test_refusals, bench_reset),
		cmocka_unit_test_setup(test_servers_that_are_full_down_or_out_of_reach, bench_reset),
		cmocka_unit_test_setup(test_ports_in_use_are_passed_over, bench_reset),
		cmocka_unit_test_setup(test_a_flood_and_who_comes_late, bench_reset),
		cmocka_unit_test_setup(test_without_the_switch_maps_change, bench_reset),
	};

	table_buckets = 64;
	return cmocka_run_group_tests(tests, why_up, why_down);
}
