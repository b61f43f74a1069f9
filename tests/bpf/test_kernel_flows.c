// SPDX-License-Identifier: GPL-2.0-or-later
/* What is read out of the maps while traffic runs: live flows, counters, turns; and the clock that flows are aged by. */
#include "test_kernel_world.h"

#include <bpf/libbpf.h>

static uint32_t hz(void)
{
	struct timespec resolution;

	clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	return (uint32_t)(1000000000L / resolution.tv_nsec);
}

/* Enters the to-server direction of a flow of client port `port`; age_s before now. */
static void enter_flow(uint16_t port, uint32_t server, uint32_t generation, uint8_t state, uint32_t now, uint32_t age_s)
{
	struct muster_tuple key = {
		.src = addr("10.99.0.2"), .sport = htons(port), .dport = htons(80), .proto = IPPROTO_TCP};
	struct muster_flow flow = {.server = server,
				   .generation = generation,
				   .dir = MUSTER_TO_SERVER,
				   .state = state,
				   .seen = now - age_s * hz()};

	write_map("muster_flows", &key, &flow);
	key.dst = key.src; /* the other direction is no flow of its own */
	flow.dir = MUSTER_TO_CLIENT;
	write_map("muster_flows", &key, &flow);
}

/* The kernel's tick now, from a hop that has just been stamped. */
static uint32_t tick_now(struct world *w)
{
	assert_true(loop_until(w, 4000, read_server(0).hop.ifindex != 0));
	return read_server(0).hop.refreshed;
}

static bool count_one(void *context, const struct muster_tuple *key, const struct muster_flow *flow, uint32_t idle_s)
{
	unsigned *seen = context;

	assert_int_equal(flow->dir, MUSTER_TO_SERVER);
	assert_true(key->sport != 0);
	assert_true(idle_s < 100);
	return ++*seen < 3;
}

static void live_flows_are_counted(void **state)
{
	struct world *w = *state;
	unsigned seen = 0;
	uint32_t now;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	now = tick_now(w);
	for (uint16_t port = 1; port <= 5000; port++)
		enter_flow(port, 0, 1, MUSTER_FLOW_ESTABLISHED, now, 20);
	enter_flow(5001, 1, 1, MUSTER_FLOW_HALF_OPEN, now, 50);
	enter_flow(5002, 1, 1, MUSTER_FLOW_HALF_OPEN, now, 70);   /* expired */
	enter_flow(5003, 1, 1, MUSTER_FLOW_CLOSING, now, 1);      /* closing */
	enter_flow(5004, 1, 0, MUSTER_FLOW_ESTABLISHED, now, 1);  /* of an earlier generation */
	enter_flow(5005, 77, 0, MUSTER_FLOW_ESTABLISHED, now, 1); /* of a free record, generation 0 */
	if (!loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 5000 && kernel_live_flows(w->kernel, 1) == 1))
		fail_msg("web-01 has %u live flows, 5000 expected; web-02 %u, 1 expected",
			 kernel_live_flows(w->kernel, 0), kernel_live_flows(w->kernel, 1));
	assert_int_equal(kernel_live_flows(w->kernel, 77), 0);
	assert_int_equal(kernel_flows_each(w->kernel, count_one, &seen), 0);
	assert_int_equal(seen, 3);
}

/* A flow as the program enters it: 10.99.0.2:port -> VIP, forwarded 10.99.0.1:source -> web-01. */
struct pair {
	struct muster_tuple key, back;
	struct muster_flow flow, twin;
};

static struct pair make_pair(uint16_t port, uint16_t source, uint8_t state, uint32_t seen, uint32_t seen_back)
{
	struct pair p = {
		.key = {.src = addr("10.99.0.2"),
			.dst = addr("10.99.0.100"),
			.sport = htons(port),
			.dport = htons(80),
			.proto = IPPROTO_TCP},
		.back = {.src = addr("10.99.0.2"),
			 .dst = addr("10.99.0.1"),
			 .sport = htons(8080),
			 .dport = htons(source),
			 .proto = IPPROTO_TCP},
		.flow = {.generation = 1, .dir = MUSTER_TO_SERVER, .state = state, .seen = seen},
		.twin = {.generation = 1, .dir = MUSTER_TO_CLIENT, .state = state, .seen = seen_back},
	};

	p.flow.out = (struct muster_tuple){.src = p.back.dst,
					   .dst = p.back.src,
					   .sport = p.back.dport,
					   .dport = p.back.sport,
					   .proto = IPPROTO_TCP};
	p.twin.out = (struct muster_tuple){
		.src = p.key.dst, .dst = p.key.src, .sport = p.key.dport, .dport = p.key.sport, .proto = IPPROTO_TCP};
	return p;
}

static void enter_pair(const struct pair *p)
{
	write_map("muster_flows", &p->key, &p->flow);
	write_map("muster_flows", &p->back, &p->twin);
}

static bool flow_there(const struct muster_tuple *key)
{
	struct muster_flow flow;
	int fd = pinned("muster_flows");
	bool there = bpf_map_lookup_elem(fd, key, &flow) == 0;

	close(fd);
	return there;
}

static unsigned entries_there(void)
{
	struct muster_tuple key, *last = NULL;
	int fd = pinned("muster_flows");
	unsigned n = 0;

	for (; bpf_map_get_next_key(fd, last, &key) == 0; last = &key)
		n++;
	close(fd);
	return n;
}

static void flows_that_are_over_are_freed(void **state)
{
	struct world *w = *state;
	uint32_t now, old;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	now = tick_now(w);
	old = now - 100 * hz();
	struct pair closed = make_pair(1, 1001, MUSTER_FLOW_CLOSING, old, old);
	struct pair live = make_pair(2, 1002, MUSTER_FLOW_ESTABLISHED, old, old);
	struct pair one_way = make_pair(3, 1003, MUSTER_FLOW_CLOSING, old, now); /* as old as its younger direction */
	struct pair lone = make_pair(4, 1004, MUSTER_FLOW_HALF_OPEN, old, old);
	/* the table evicted one direction of `robbed`, and its source port is another flow's by now */
	struct pair robbed = make_pair(5, 1005, MUSTER_FLOW_CLOSING, old, old);
	struct pair heir = make_pair(6, 1005, MUSTER_FLOW_ESTABLISHED, now, now);
	struct pair udp = make_pair(7, 1007, MUSTER_FLOW_ESTABLISHED, now - 400 * hz(), now - 400 * hz());
	udp.key.proto = udp.back.proto = udp.flow.out.proto = udp.twin.out.proto = IPPROTO_UDP;
	enter_pair(&closed);
	enter_pair(&live);
	enter_pair(&one_way);
	write_map("muster_flows", &lone.back, &lone.twin);
	write_map("muster_flows", &robbed.key, &robbed.flow);
	enter_pair(&heir);
	enter_pair(&udp);
	if (!loop_until(w, 6000, !flow_there(&closed.key) && !flow_there(&closed.back)))
		fail_msg("a flow that closed 100 s ago is still in the table after 6 s");
	assert_true(loop_until(w, 6000, !flow_there(&udp.key) && !flow_there(&udp.back)));
	assert_true(loop_until(w, 6000, !flow_there(&lone.back)));
	assert_true(loop_until(w, 6000, !flow_there(&robbed.key)));
	assert_true(flow_there(&live.key) && flow_there(&live.back));
	assert_true(flow_there(&one_way.key) && flow_there(&one_way.back));
	assert_true(flow_there(&heir.key) && flow_there(&heir.back));
}

static double busy_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void many_flows_that_are_over_are_freed_in_small_steps(void **state)
{
	struct world *w = *state;
	double longest_ms = 0;
	int64_t start;
	uint32_t now;
	unsigned left;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	now = tick_now(w);
	for (uint16_t port = 1; port <= 20000; port++) {
		struct pair p = make_pair(port, port, MUSTER_FLOW_CLOSING, now - 100 * hz(), now - 100 * hz());

		enter_pair(&p);
	}
	start = clock_now_ms();
	while ((left = entries_there()) && clock_now_ms() < start + 10000) {
		for (int i = 0; i < 20; i++) {
			double before = busy_ms();

			assert_true(sd_event_run(w->event, 20000) >= 0);
			longest_ms = MAX(longest_ms, busy_ms() - before);
		}
	}
	printf("# 20,000 flows freed in %lld ms, at most %.1f ms of it in one turn of the loop\n",
	       (long long)(clock_now_ms() - start), longest_ms);
	if (left)
		fail_msg("%u entries of flows that are over are left after 10 s", left);
}

static void counters_are_summed_over_the_cpus(void **state)
{
	struct world *w = *state;
	struct kernel_counters *counters = calloc(1, sizeof(*counters));
	int cpus = libbpf_num_possible_cpus();
	struct muster_stats *stats = calloc(cpus, sizeof(*stats));
	uint64_t *verdicts = calloc(cpus, sizeof(*verdicts));
	uint32_t verdict = MUSTER_VERDICT_POOL_EMPTY, one = 1, unused = 9;

	must_open(w);
	plan_of_two(w);
	sync_now(w);
	for (int i = 0; i < cpus; i++) {
		stats[i] = (struct muster_stats){.packets_in = 10 + i, .flows_new = 1};
		verdicts[i] = 7;
	}
	write_map("muster_srv_stat", &one, stats);
	write_map("muster_srv_stat", &unused, stats);
	write_map("muster_verdicts", &verdict, verdicts);
	assert_int_equal(kernel_counters(w->kernel, counters), 0);
	assert_int_equal(counters->server[1].packets_in, 10 * cpus + cpus * (cpus - 1) / 2);
	assert_int_equal(counters->server[1].flows_new, cpus);
	assert_int_equal(counters->server[unused].flows_new, 0);
	assert_int_equal(counters->verdict[MUSTER_VERDICT_POOL_EMPTY], 7 * cpus);
	uint32_t entries = 0;
	assert_true(kernel_memory(w->kernel, &entries) > 1024 * 1024);
	assert_int_equal(entries, MUSTER_FLOW_ENTRIES);
	free(counters);
	free(stats);
	free(verdicts);
}

/* The program drops a SYN toward a server whose neighbour is silent, and says so. */
static void events_of_the_program_arrive(void **state)
{
	struct world *w = *state;
	struct attach_report report;

	must_open(w);
	assert_int_equal(kernel_attach(w->kernel, "mt0", ATTACH_NATIVE, &report), 0);
	plan_of_two(w)->services[0].claim = true;
	set_server(w, 0, "web-01", "10.99.0.9");
	set_server(w, 1, "web-02", "10.99.0.9");
	sync_now(w);
	run("nsenter -t %d -n sh -c 'ethtool -K mt1 tx off >/dev/null; timeout 3 bash -c \"echo "
	    ">/dev/tcp/10.99.0.100/80\" "
	    "2>/dev/null & true'",
	    w->peer);
	if (!loop_until(w, 4000, w->events > 0))
		fail_msg("a SYN toward a silent server raised no event within 4 s");
	assert_int_equal(w->last.kind, MUSTER_EVENT_NO_NEIGHBOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(live_flows_are_counted),
		test_in_world(flows_that_are_over_are_freed),
		test_in_world(many_flows_that_are_over_are_freed_in_small_steps),
		test_in_world(counters_are_summed_over_the_cpus),
		test_in_world(events_of_the_program_arrive),
	};

	return cmocka_run_group_tests_name("kernel_flows", tests, NULL, NULL);
}
