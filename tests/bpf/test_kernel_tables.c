// SPDX-License-Identifier: GPL-2.0-or-later
/* The flow table's size: made, adopted, grown and shrunk while flows stand in it. */
#include "test_kernel_table.h"

#define BUCKETS (FLOWS * MUSTER_ENTRIES_A_FLOW / MUSTER_WAYS)

static void tables_are_made_before_the_first_flow(void **state)
{
	struct world *w = *state;
	struct muster_config config;

	open_small(w);
	config = read_config();
	assert_int_equal(config.table, MUSTER_TABLE_A);
	assert_int_equal(config.bucket_mask[MUSTER_TABLE_HALF_OPEN], MUSTER_HALF_OPEN_BUCKETS - 1);
	assert_int_equal(config.bucket_mask[MUSTER_TABLE_A], BUCKETS - 1);
	assert_int_equal(config.bucket_mask[MUSTER_TABLE_B], 0);
	assert_true(inner_id("muster_flows", MUSTER_TABLE_HALF_OPEN) && inner_id("muster_flows", MUSTER_TABLE_A));
	assert_int_equal(inner_id("muster_flows", MUSTER_TABLE_B), 0);
	for (int i = 0; i < MUSTER_SECRET_WORDS; i++)
		assert_true(config.secret[i] & 1);
	assert_sync(w, 0, 0, 0);
}

static void flows_stay_over_a_restart(void **state)
{
	struct world *w = *state;
	struct pair p = {.n = 7, .state = MUSTER_FLOW_ESTABLISHED};
	uint32_t half_open, proven;

	open_small(w);
	p.seen = p.seen_back = beat_now(w);
	enter_pair(table_at(MUSTER_TABLE_A), MUSTER_TABLE_A, &p);
	half_open = inner_id("muster_flows", MUSTER_TABLE_HALF_OPEN);
	proven = inner_id("muster_flows", MUSTER_TABLE_A);
	kernel_close(&w->kernel);
	must_open(w);
	assert_sync(w, 0, 0, 0);
	assert_int_equal(inner_id("muster_flows", MUSTER_TABLE_HALF_OPEN), half_open);
	assert_int_equal(inner_id("muster_flows", MUSTER_TABLE_A), proven);
	assert_true(loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 1));
}

static void an_agent_that_died_while_growing_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct muster_config config;
	uint32_t zero = 0;

	open_small(w);
	kernel_close(&w->kernel);
	config = read_config();
	config.bucket_mask[MUSTER_TABLE_B] = 4095; /* and no table behind it yet */
	write_map("muster_config", &zero, &config);
	must_open(w);
	sync_now(w);
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_B], 0);
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_A], BUCKETS - 1);
}

/* What the program does at a flow's next packet. */
static void move_pair(struct muster_bucket *from, struct muster_bucket *to, uint32_t position, const struct pair *p)
{
	enter_pair(to, position, p);
	for (uint32_t dir = 0; dir < 2; dir++)
		__atomic_store_n(&from[p->n / 4].tag[p->n % 4 * 2 + dir], 0, __ATOMIC_SEQ_CST);
}

static void a_table_grows_around_its_flows(void **state)
{
	struct world *w = *state;
	struct pair p = {.n = 7, .state = MUSTER_FLOW_ESTABLISHED}, q = {.n = 8, .state = MUSTER_FLOW_CLOSING};
	struct muster_bucket *older, *table;
	struct kernel_flow_table sizes;

	open_small(w);
	p.seen = p.seen_back = beat_now(w);
	q.seen = q.seen_back = p.seen - beats(100);
	older = table_at(MUSTER_TABLE_A);
	enter_pair(older, MUSTER_TABLE_A, &p);
	enter_pair(older, MUSTER_TABLE_A, &q);
	w->plan.flows = 4 * FLOWS;
	sync_now(w);
	assert_int_equal(read_config().table, MUSTER_TABLE_B);
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_B], 4 * BUCKETS - 1);
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_A], BUCKETS - 1);
	table = table_at(MUSTER_TABLE_B);
	/* its flow stands where it is until its next packet, and is counted; the other one is over */
	assert_true(loop_until(w, 10000, !entries_of(older, q.n)));
	assert_true(loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 1));
	assert_true(loop_until(w, 6000, (kernel_flow_table(w->kernel, &sizes), sizes.older_used == 2)));
	assert_int_equal(sizes.entries, 4 * FLOWS * MUSTER_ENTRIES_A_FLOW);
	assert_true(inner_id("muster_flows", MUSTER_TABLE_A) != 0);

	/* another size has to wait, and comes by itself */
	w->plan.flows = FLOWS;
	assert_sync(w, 0, 0, 0);
	assert_int_equal(read_config().table, MUSTER_TABLE_B);
	move_pair(older, table, MUSTER_TABLE_B, &p);
	if (!loop_until(w, 10000, read_config().bucket_mask[MUSTER_TABLE_A] == 0))
		fail_msg("the older table is empty, and still there after 10 s");
	assert_int_equal(inner_id("muster_flows", MUSTER_TABLE_A), 0);
	assert_int_equal(entries_of(table, p.n), 2);
	sync_now(w);
	assert_int_equal(read_config().table, MUSTER_TABLE_A);
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_A], BUCKETS - 1);
	assert_true(loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 1));
}

static void growing_goes_on_after_a_restart(void **state)
{
	struct world *w = *state;
	struct pair p = {.n = 3, .state = MUSTER_FLOW_ESTABLISHED};
	struct muster_bucket *older;

	open_small(w);
	p.seen = p.seen_back = beat_now(w);
	older = table_at(MUSTER_TABLE_A);
	enter_pair(older, MUSTER_TABLE_A, &p);
	w->plan.flows = 4 * FLOWS;
	sync_now(w);
	kernel_close(&w->kernel);
	must_open(w);
	sync_now(w);
	assert_int_equal(read_config().table, MUSTER_TABLE_B);
	assert_true(loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 1));
	move_pair(older, table_at(MUSTER_TABLE_B), MUSTER_TABLE_B, &p);
	assert_true(loop_until(w, 10000, inner_id("muster_flows", MUSTER_TABLE_A) == 0));
	assert_int_equal(read_config().bucket_mask[MUSTER_TABLE_A], 0);
	assert_true(loop_until(w, 6000, kernel_live_flows(w->kernel, 0) == 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(tables_are_made_before_the_first_flow),
		test_in_world(flows_stay_over_a_restart),
		test_in_world(an_agent_that_died_while_growing_leaves_nothing),
		test_in_world(a_table_grows_around_its_flows),
		test_in_world(growing_goes_on_after_a_restart),
	};

	return cmocka_run_group_tests_name("kernel_tables", tests, NULL, NULL);
}
