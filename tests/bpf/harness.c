/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>

#include "harness.h"

int program = -1;
unsigned front, back;
struct bpf_object *object;
static struct ring_buffer *ring;
static struct muster_event last_event;
static bool event_seen;
static int cpus;

void command(const char *line)
{
	if (system(line))
		fail_msg("the command failed: %s", line);
}

static int on_event(void *context, void *data, size_t size)
{
	(void)context;
	if (size == sizeof(last_event)) {
		memcpy(&last_event, data, size);
		event_seen = true;
	}
	return 0;
}

bool event_get(struct muster_event *event)
{
	event_seen = false;
	ring_buffer__consume(ring);
	*event = last_event;
	return event_seen;
}

static void namespace_up(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		fail_msg("no network namespace of the test's own: %s; run it as root", strerror(errno));
	command("mount --make-rprivate /");
	command("ip link set lo up && ip link add front type veth peer name client &&"
		"ip link add back type veth peer name servers");
	command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0"
		" net.ipv6.conf.all.accept_dad=0");
	command("for i in front client back servers; do ip link set $i up; done");
	front = if_nametoindex("front");
	back = if_nametoindex("back");
}

int bench_up(void **state)
{
	const char *path = getenv("MUSTER_OBJECT");
	struct bpf_map *map;

	(void)state;
	namespace_up();
	cpus = libbpf_num_possible_cpus();
	path = path ? path : "build/muster.bpf.o";
	object = bpf_object__open_file(path, NULL);
	if (!object)
		fail_msg("cannot open %s: %s; run make first", path, strerror(errno));
	bpf_object__for_each_map(map, object) bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(object))
		fail_msg("the kernel refuses %s: %s", path, strerror(errno));
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "muster"));
	table_up();
	ring = ring_buffer__new(map_fd("muster_events"), on_event, NULL, NULL);
	return ring ? 0 : -1;
}

int bench_down(void **state)
{
	(void)state;
	ring_buffer__free(ring);
	bpf_object__close(object);
	return 0;
}

int map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0)
		fail_msg("the object has no map %s", name);
	return fd;
}

void map_put(const char *name, const void *key, const void *value)
{
	if (bpf_map_update_elem(map_fd(name), key, value, BPF_ANY))
		fail_msg("cannot write to %s: %s", name, strerror(errno));
}

static void map_clear(const char *name)
{
	char key[64];
	int fd = map_fd(name);

	while (!bpf_map_get_next_key(fd, NULL, key))
		bpf_map_delete_elem(fd, key);
}

static uint32_t *keys_make(uint32_t n)
{
	uint32_t *keys = calloc(n, sizeof(*keys));

	for (uint32_t i = 0; i < n; i++)
		keys[i] = i;
	return keys;
}

/* In one system call, as what is read for each packet below: emulated machines run these tests too. */
static void map_zero(const char *name, uint32_t n, size_t size)
{
	void *zero = calloc(n * cpus, (size + 7) & ~7UL);
	uint32_t *keys = keys_make(n);

	if (bpf_map_update_batch(map_fd(name), keys, zero, &n, NULL))
		fail_msg("cannot clear %s: %s", name, strerror(errno));
	free(keys);
	free(zero);
}

int bench_reset(void **state)
{
	struct muster_config config = {
		.abi = MUSTER_ABI,
		.ticks_per_s = FOREVER / 4 << MUSTER_BEAT_SHIFT,
		.timeout = {0, FOREVER, FOREVER, FOREVER, FOREVER, FOREVER, FOREVER, 0},
		.table = MUSTER_TABLE_A,
		.hop_stale = ~0U,
		.resets_per_s = 1000,
		.ports = {{PORT_FIRST, 20000}, {61000, 500}},
	};
	struct muster_event event;

	(void)state;
	table_reset(&config);
	map_clear("muster_vips");
	map_clear("muster_fragments");
	map_zero("muster_services", 16, sizeof(struct muster_service));
	map_zero("muster_servers", 32, sizeof(struct muster_server));
	map_zero("muster_verdicts", MUSTER_VERDICTS_N, 8);
	map_zero("muster_svc_stat", 16, sizeof(struct muster_stats));
	map_zero("muster_srv_stat", 32, sizeof(struct muster_stats));
	map_zero("muster_signals", 32, sizeof(struct muster_signals));
	map_zero("muster_live", 32, 8);
	map_zero("muster_flood", 1, sizeof(struct muster_flood));
	map_zero("muster_limits", 1, sizeof(struct muster_limits));
	for (uint32_t i = 0; i < 16; i++)
		bpf_map_delete_elem(map_fd("muster_picks"), &i);
	for (uint32_t i = 0; i < 32; i++)
		bpf_map_delete_elem(map_fd("muster_ports"), &i);
	config_put(&config);
	event_get(&event);
	return 0;
}

static void verdicts_read(uint64_t *sum)
{
	uint64_t *value = calloc(MUSTER_VERDICTS_N * cpus, sizeof(*value));
	uint32_t keys[MUSTER_VERDICTS_N], n = MUSTER_VERDICTS_N, next;

	if (bpf_map_lookup_batch(map_fd("muster_verdicts"), NULL, &next, keys, value, &n, NULL) && errno != ENOENT)
		fail_msg("the verdicts cannot be read: %s", strerror(errno));
	assert_int_equal(n, MUSTER_VERDICTS_N);
	memset(sum, 0, MUSTER_VERDICTS_N * sizeof(*sum));
	for (unsigned i = 0; i < n; i++)
		for (int cpu = 0; cpu < cpus; cpu++)
			sum[keys[i]] += value[i * cpus + cpu];
	free(value);
}

int run_quick(unsigned ifindex, const struct frame *in, struct frame *out)
{
	struct xdp_md context = {.data_end = in->size, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->size, .data_out = out->data,
		    .data_size_out = sizeof(out->data), .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(program, &opts))
		fail_msg("the kernel did not run the program on %zu bytes: %s", in->size, strerror(errno));
	out->size = opts.data_size_out;
	return opts.retval;
}

struct outcome run_on(unsigned ifindex, const struct frame *frame)
{
	struct xdp_md context = {.data_end = frame->size, .ingress_ifindex = ifindex};
	struct outcome outcome = {.frame.size = 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = frame->size,
		    .data_out = outcome.frame.data, .data_size_out = sizeof(outcome.frame.data), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	uint64_t before[MUSTER_VERDICTS_N], after[MUSTER_VERDICTS_N];
	unsigned counted = 0;

	verdicts_read(before);
	if (bpf_prog_test_run_opts(program, &opts))
		fail_msg("the kernel did not run the program on %zu bytes: %s", frame->size, strerror(errno));
	verdicts_read(after);
	for (unsigned i = 0; i < MUSTER_VERDICTS_N; i++)
		if (after[i] != before[i]) {
			counted += after[i] - before[i];
			outcome.verdict = i;
		}
	if (counted != 1)
		fail_msg("a packet counted %u verdicts, wanted exactly 1", counted);
	outcome.action = opts.retval;
	outcome.frame.size = opts.data_size_out;
	return outcome;
}

struct muster_stats stats_of(const char *map, uint32_t index)
{
	struct muster_stats *value = calloc(cpus, sizeof(*value)), sum = {};

	if (bpf_map_lookup_elem(map_fd(map), &index, value))
		fail_msg("%s has no element %u", map, index);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned i = 0; i < sizeof(sum) / 8; i++)
			((uint64_t *)&sum)[i] += ((uint64_t *)&value[cpu])[i];
	free(value);
	return sum;
}

struct muster_signals signals_of(uint32_t server)
{
	struct muster_signals *value = calloc(cpus, sizeof(*value)), sum = {};

	if (bpf_map_lookup_elem(map_fd("muster_signals"), &server, value))
		fail_msg("muster_signals has no element %u", server);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned i = 0; i < sizeof(sum) / 8; i++)
			((uint64_t *)&sum)[i] += ((uint64_t *)&value[cpu])[i];
	free(value);
	return sum;
}
