// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of the agent's half of the flow table: sizes, ages, sources, and figures that drift. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <muster/flow.h>

#include "address.h"
#include "kernel/drift.h"
#include "kernel/flow_entry.h"
#include "kernel/sources.h"
#include "kernel/ticks.h"

static void a_table_has_two_entries_a_flow(void **state)
{
	(void)state;
	assert_int_equal(flow_buckets(1024), 256);
	assert_int_equal(flow_buckets(1025), 512);
	assert_int_equal(flow_buckets(0), flow_buckets(MUSTER_FLOWS_DEFAULT));
	assert_int_equal(flow_buckets(MUSTER_FLOWS_DEFAULT), 65536);
	assert_int_equal(flow_buckets(1), 2); /* a mask of 0 would say that there is none */
	assert_int_equal(flow_buckets(UINT32_MAX), 1 << 24);
}

static void a_timeout_is_never_shorter_in_beats(void **state)
{
	const uint32_t week_ms = 7 * 24 * 3600 * 1000u;

	(void)state;
	assert_int_equal(beats_from_ms(0, 250), 0);
	assert_int_equal(beats_from_ms(1, 250), 1);
	assert_int_equal(beats_from_ms(256, 250), 1);
	assert_int_equal(beats_from_ms(257, 250), 2);
	assert_int_equal(beats_from_ms(60000, 1000), 938);
	/* an age that a tag can tell, whatever the clock's rate: or the flow would never end */
	assert_true(beats_from_ms(week_ms, 1000) < MUSTER_SEEN_MASK / 2);
	assert_true(muster_tag_idle(0, beats_from_ms(week_ms, 1000) + 10) > beats_from_ms(week_ms, 1000));
}

static void a_difference_that_stays_is_a_mistake(void **state)
{
	struct drift drift = {0};

	(void)state;
	assert_false(drift_lasts(&drift, 5, 3));
	assert_false(drift_lasts(&drift, 5, 3));
	assert_false(drift_lasts(&drift, 6, 3));
	assert_false(drift_lasts(&drift, 6, 3));
	assert_true(drift_lasts(&drift, 6, 3));
	assert_false(drift_lasts(&drift, 6, 3));
	for (int i = 0; i < 10; i++)
		assert_false(drift_lasts(&drift, 0, 3));
}

static struct muster_server with_sources(unsigned n, const char *const *texts)
{
	struct muster_server server = {.sources = n};

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(address_parse(texts[i], &server.source[i]), 0);
	return server;
}
#define WITH(...)                                                                                                      \
	with_sources(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

static void assert_sources(const struct muster_server *got, struct muster_server want)
{
	assert_int_equal(got->sources, want.sources);
	assert_memory_equal(got->source, want.source, sizeof(want.source));
}

static void sources_keep_their_places(void **state)
{
	struct muster_server now = WITH("10.0.0.1", "10.0.0.2"), record = WITH("10.0.0.2", "10.0.0.1");

	(void)state;
	assert_false(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.1", "10.0.0.2"));
	record = WITH("10.0.0.3", "10.0.0.2", "10.0.0.1");
	assert_false(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.1", "10.0.0.2", "10.0.0.3"));
	record = WITH("10.0.0.3", "10.0.0.2");
	assert_true(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.3", "10.0.0.2"));
	record = WITH("10.0.0.2");
	assert_true(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.2"));
	record = WITH("10.0.0.1");
	assert_true(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.1"));
	now.sources = 0;
	memset(now.source, 0, sizeof(now.source));
	assert_false(sources_settle(&now, &record));
	assert_sources(&record, WITH("10.0.0.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_two_entries_a_flow),
		cmocka_unit_test(a_timeout_is_never_shorter_in_beats),
		cmocka_unit_test(a_difference_that_stays_is_a_mistake),
		cmocka_unit_test(sources_keep_their_places),
	};

	return cmocka_run_group_tests_name("flow_table", tests, NULL, NULL);
}
