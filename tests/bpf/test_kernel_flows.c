// SPDX-License-Identifier: GPL-2.0-or-later
/* The scan over the flow table: which flows live, which are freed, and what hangs on them; counters and events beside. */
#include "test_kernel_table.h"

#include <bpf/libbpf.h>

static bool count_one(void *context, const struct kernel_flow *flow)
{
	unsigned *seen = context;

	assert_int_equal(flow->asked.dport, htons(80));
	const struct muster_addr vip = addr("10.99.0.100"), balancer = addr("10.99.0.1");
	assert_true(address_equal(&flow->asked.dst, &vip));
	assert_true(address_equal(&flow->seen.src, &balancer));
	assert_int_equal(flow->seen.sport, htons(ntohs(flow->asked.sport) + 2000));
	assert_int_equal(flow->seen.dport, htons(8080));
	assert_true(flow->idle_s >= 19 && flow->idle_s < 100);
	return ++*seen < 3;
}

static void live_flows_are_counted(void **state)
{
	struct world *w = *state;
	struct muster_bucket *table;
	struct kernel_flow_table sizes;
	unsigned seen = 0;
	uint32_t now;

	open_small(w);
	now = beat_now(w);
	table = table_at(MUSTER_TABLE_A);
	struct pair p = {.state = MUSTER_FLOW_ESTABLISHED, .seen = now - beats(20), .seen_back = now - beats(20)};
	for (p.n = 0; p.n < 900; p.n++) {
		p.port = p.n + 2001;
		enter_pair(table, MUSTER_TABLE_A, &p);
	}
	p.flow.server = 1;
	p.state = MUSTER_FLOW_UDP;
	enter_pair(table, MUSTER_TABLE_A, &p);
	p = (struct pair){.n = 901, .state = MUSTER_FLOW_CLOSING, .seen = now, .seen_back = now, .flow.server = 1};
	enter_pair(table, MUSTER_TABLE_A, &p);
	p.n++;
	p.state = MUSTER_FLOW_ESTABLISHED;
	p.flow.generation = 77; /* of another generation */
	enter_pair(table, MUSTER_TABLE_A, &p);
	p.n++;
	p.flow = (struct muster_flow){.server = 77, .generation = 0}; /* of a free record */
	enter_pair(table, MUSTER_TABLE_A, &p);
	p.n++;
	p.flow = (struct muster_flow){.server = 1};
	p.state = MUSTER_FLOW_HALF_OPEN;
	p.bits = MUSTER_PAIR; /* a flood's are live flows as any */
	p.bits_back = MUSTER_PAIR | MUSTER_MARK;
	p.seen = now - beats(70); /* silent for longer than its time, but the server spoke */
	enter_pair(table_at(MUSTER_TABLE_HALF_OPEN), MUSTER_TABLE_HALF_OPEN, &p);
	if (!loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 900 && kernel_live_flows(w->kernel, 1) == 2))
		fail_msg("web-01 has %u live flows, 900 expected; web-02 %u, 2 expected",
			 kernel_live_flows(w->kernel, 0), kernel_live_flows(w->kernel, 1));
	assert_int_equal(kernel_live_flows(w->kernel, 77), 0);
	/* one of the half-open table comes first */
	assert_int_equal(muster_tag_state(tag_at(table, 0, 0)), MUSTER_FLOW_ESTABLISHED);
	table_at(MUSTER_TABLE_HALF_OPEN)[p.n / 4].tag[p.n % 4 * 2] = 0;
	assert_int_equal(kernel_flows_each(w->kernel, count_one, &seen), 0);
	assert_int_equal(seen, 3);
	kernel_flow_table(w->kernel, &sizes);
	assert_int_equal(sizes.entries, FLOWS * MUSTER_ENTRIES_A_FLOW);
	assert_int_equal(sizes.half_open_entries, MUSTER_HALF_OPEN_BUCKETS * MUSTER_WAYS);
	assert_int_equal(sizes.used, 904 * 2);
	assert_int_equal(sizes.half_open_used, 2);
	assert_int_equal(sizes.memory_bytes, (FLOWS * MUSTER_ENTRIES_A_FLOW / MUSTER_WAYS + MUSTER_HALF_OPEN_BUCKETS) *
						     sizeof(struct muster_bucket));
}

static void flows_that_are_over_are_freed(void **state)
{
	struct world *w = *state;
	struct muster_bucket *table;
	uint32_t now, old;

	open_small(w);
	now = beat_now(w);
	old = now - beats(100);
	table = table_at(MUSTER_TABLE_A);
	struct pair closed = {
		.n = 0, .state = MUSTER_FLOW_CLOSING, .seen = old, .seen_back = old, .bits = MUSTER_SPILL};
	struct pair live = {.n = 1, .state = MUSTER_FLOW_ESTABLISHED, .seen = old, .seen_back = old};
	struct pair one_way = {.n = 2, .state = MUSTER_FLOW_CLOSING, .seen = old, .seen_back = now};
	struct pair lone = {.n = 3, .state = MUSTER_FLOW_HALF_OPEN, .seen = old, .seen_back = old};
	struct pair udp = {.n = 4, .state = MUSTER_FLOW_UDP, .seen = now - beats(400), .seen_back = now - beats(400)};
	struct pair taken = {.n = 5, .state = MUSTER_FLOW_TAKEN, .seen = old, .seen_back = old};
	/* the other direction's place belongs to another flow by now, which lives */
	struct pair robbed = {.n = 6, .state = MUSTER_FLOW_CLOSING, .seen = old, .seen_back = old};
	enter_pair(table, MUSTER_TABLE_A, &closed);
	enter_pair(table, MUSTER_TABLE_A, &live);
	enter_pair(table, MUSTER_TABLE_A, &one_way);
	enter_one(table, MUSTER_TABLE_A, &lone, MUSTER_TO_CLIENT);
	enter_pair(table, MUSTER_TABLE_A, &udp);
	enter_pair(table, MUSTER_TABLE_A, &taken);
	enter_pair(table, MUSTER_TABLE_A, &robbed);
	table[1].flow[5].twin = place_of(MUSTER_TABLE_A, 1, 0);
	table[1].tag[5] = tag_of(MUSTER_FLOW_ESTABLISHED, now, 0);
	assert_true(loop_until(w, 6000, !entries_of(table, closed.n) && !entries_of(table, udp.n)));
	assert_true(loop_until(w, 6000, !entries_of(table, lone.n) && entries_of(table, robbed.n) == 1));
	assert_int_equal(entries_of(table, live.n), 2);
	assert_int_equal(entries_of(table, one_way.n), 2);
	assert_int_equal(entries_of(table, taken.n), 2);
	/* free means: of nobody, another version, and the bucket has spilled as before */
	assert_int_equal(tag_at(table, closed.n, 0), 6 * MUSTER_VERSION_ONE | MUSTER_SPILL);
	assert_int_equal(tag_at(table, closed.n, 1), 6 * MUSTER_VERSION_ONE);
}

static void the_count_of_live_flows_goes_down_with_them(void **state)
{
	struct world *w = *state;
	struct muster_bucket *table;
	uint32_t now, server = 0;
	uint64_t live = 2;

	open_small(w);
	now = beat_now(w);
	table = table_at(MUSTER_TABLE_A);
	write_map("muster_live", &server, &live);
	struct pair over = {.n = 0,
			    .state = MUSTER_FLOW_UDP,
			    .seen = now - beats(400),
			    .seen_back = now - beats(400),
			    .bits = MUSTER_MARK};
	struct pair stays = {.n = 1, .state = MUSTER_FLOW_UDP, .seen = now, .seen_back = now, .bits = MUSTER_MARK};
	struct pair uncounted = {
		.n = 2, .state = MUSTER_FLOW_UDP, .seen = now - beats(400), .seen_back = now - beats(400)};
	enter_pair(table, MUSTER_TABLE_A, &over);
	enter_pair(table, MUSTER_TABLE_A, &stays);
	enter_pair(table, MUSTER_TABLE_A, &uncounted);
	assert_true(loop_until(w, 6000, !entries_of(table, 0) && !entries_of(table, 2)));
	assert_int_equal(read_live(0), 1);
}

static void a_count_that_stays_wrong_is_put_right(void **state)
{
	struct world *w = *state;
	uint32_t now, server = 1;
	uint64_t live = 7;

	open_small(w);
	now = beat_now(w);
	struct pair p = {.n = 0,
			 .state = MUSTER_FLOW_ESTABLISHED,
			 .seen = now,
			 .seen_back = now,
			 .bits = MUSTER_MARK,
			 .flow.server = 1};
	enter_pair(table_at(MUSTER_TABLE_A), MUSTER_TABLE_A, &p);
	write_map("muster_live", &server, &live);
	if (!loop_until(w, 20000, read_live(1) == 1))
		fail_msg("one counted flow stands in the table, and the count is %llu still",
			 (unsigned long long)read_live(1));
}

/* Else they would be live flows of the next server, for as long as they may be silent. */
static void a_record_is_reused_without_its_former_flows(void **state)
{
	struct world *w = *state;
	struct muster_bucket *table;
	uint64_t live = 1;

	open_small(w);
	table = table_at(MUSTER_TABLE_A);
	struct pair stays = {.n = 0, .state = MUSTER_FLOW_ESTABLISHED, .bits = MUSTER_MARK, .port = 2001};
	stays.seen = stays.seen_back = beat_now(w);
	struct pair goes = stays;
	goes.n = 1;
	goes.flow.server = 1;
	for (uint32_t server = 0; server < 2; server++)
		write_map("muster_live", &server, &live);
	enter_pair(table, MUSTER_TABLE_A, &stays);
	enter_pair(table, MUSTER_TABLE_A, &goes);
	w->plan.n_servers = w->service.n_slots = 1;
	sync_now(w);
	assert_int_equal(entries_of(table, goes.n), 2);
	assert_int_equal(read_live(1), 1);
	w->plan.n_servers = w->service.n_slots = 2;
	set_server(w, 1, "web-03", "10.99.0.4");
	w->server[1].record.generation = read_server(1).generation + 1;
	sync_now(w);
	assert_int_equal(entries_of(table, goes.n), 0);
	assert_int_equal(read_live(1), 0);
	assert_int_equal(entries_of(table, stays.n), 2);
	assert_int_equal(read_live(0), 1);
}

static bool proven_bit(const struct muster_proven *proven, uint64_t tag)
{
	uint32_t bit = muster_proven_bit(tag), half = __atomic_load_n(&proven->in_force, __ATOMIC_SEQ_CST);

	return __atomic_load_n(&proven->word[half][bit / 64], __ATOMIC_SEQ_CST) >> bit % 64 & 1;
}

/* What the program reads says of each proven flow that it may be there, and forgets those that are gone. */
static void the_bits_of_the_proven_follow_the_table(void **state)
{
	struct world *w = *state;
	uint64_t gone = ~0ULL, stands = tag_of(0, 0, 0);
	struct muster_proven *proven;
	struct muster_bucket *table;
	int fd;

	open_small(w);
	fd = pinned("muster_proven");
	proven = mmap(NULL, sizeof(*proven), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(proven != MAP_FAILED);
	close(fd);
	for (int half = 0; half < 2; half++)
		proven->word[half][muster_proven_bit(gone) / 64] |= 1ULL << muster_proven_bit(gone) % 64;
	table = table_at(MUSTER_TABLE_A);
	struct pair p = {.n = 7, .state = MUSTER_FLOW_ESTABLISHED, .seen = beat_now(w), .seen_back = beat_now(w)};
	enter_pair(table, MUSTER_TABLE_A, &p);
	assert_true(loop_until(w, 20000, proven_bit(proven, stands) && !proven_bit(proven, gone)));
	table[7 / 4].tag[7 % 4 * 2] = table[7 / 4].tag[7 % 4 * 2 + 1] = 0;
	assert_true(loop_until(w, 20000, !proven_bit(proven, stands)));
	munmap(proven, sizeof(*proven));
}

static void counters_are_summed_over_the_cpus(void **state)
{
	struct world *w = *state;
	struct kernel_counters *counters = calloc(1, sizeof(*counters));
	int cpus = libbpf_num_possible_cpus();
	struct muster_stats *stats = calloc(cpus, sizeof(*stats));
	uint64_t *verdicts = calloc(cpus, sizeof(*verdicts));
	uint32_t verdict = MUSTER_VERDICT_POOL_EMPTY, one = 1, unused = 9;

	open_small(w);
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
	assert_true(kernel_memory(w->kernel) > 1024 * 1024);
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
		test_in_world(the_count_of_live_flows_goes_down_with_them),
		test_in_world(a_count_that_stays_wrong_is_put_right),
		test_in_world(a_record_is_reused_without_its_former_flows),
		test_in_world(the_bits_of_the_proven_follow_the_table),
		test_in_world(counters_are_summed_over_the_cpus),
		test_in_world(events_of_the_program_arrive),
	};

	return cmocka_run_group_tests_name("kernel_flows", tests, NULL, NULL);
}
