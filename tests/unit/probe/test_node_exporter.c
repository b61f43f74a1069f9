// SPDX-License-Identifier: GPL-2.0-or-later
/* Prometheus text as node_exporter writes it, and as it might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <cmocka.h>

#include "probe/node_exporter.h"

#define TOTAL     "node_memory_MemTotal_bytes"
#define AVAILABLE "node_memory_MemAvailable_bytes"
#define BOTH      TOTAL " 100\n" AVAILABLE " 40\n"

static void a_whole_answer(void **state)
{
	static const char text[] =
		"# HELP node_memory_MemAvailable_bytes Memory information field MemAvailable_bytes.\n"
		"# TYPE node_memory_MemAvailable_bytes gauge\n"
		"node_memory_MemAvailable_bytes 1.578991616e+09\n"
		"# TYPE node_memory_MemTotal_bytes gauge\n"
		"node_memory_MemTotal_bytes 8.32610304e+09\n"
		"node_memory_MemTotal_bytes_of_another 7\n"
		"node_pressure_memory_stalled_seconds_total 0.001502\n"
		"node_pressure_memory_waiting_seconds_total 12.25\n"
		"node_vmstat_oom_kill 3\n"
		"node_scrape_collector_success{collector=\"meminfo\"} 1\n";
	struct memory_reading reading;

	(void)state;
	assert_int_equal(node_exporter_parse(text, sizeof(text) - 1, &reading, NULL), 0);
	assert_int_equal(reading.available_bytes, 1578991616);
	assert_int_equal(reading.total_bytes, 8326103040);
	assert_true(reading.psi_some_s > 12.24 && reading.psi_some_s < 12.26);
	assert_true(reading.psi_full_s > 0.0015 && reading.psi_full_s < 0.0016);
	assert_int_equal(reading.oom_kills, 3);
	assert_int_equal(reading.weight_pct, -1);
	assert_int_equal(reading.health, -1);
	assert_int_equal(reading.admin, -1);
}

static const struct {
	const char *text;
	int64_t available, total; /* -1: not to be read at all */
} texts[] = {
	{BOTH, 40, 100},
	{TOTAL " 100\r\n" AVAILABLE " 40\r\n", 40, 100},
	{TOTAL "\t100\n  " AVAILABLE "   4e1", 40, 100},
	{TOTAL "{} 100\n" AVAILABLE "{instance=\"a b\"} 40 1700000000000\n", 40, 100},
	{TOTAL "{a=\"}\\\"} 7\"} 100\n" AVAILABLE " {a=\"\"} 40\n", 40, 100},
	{TOTAL "{a=\"} 100\n" BOTH, 40, 100}, /* labels without end: not a sample */
	{BOTH TOTAL " 999\n", 40, 100},       /* the first counts */
	{TOTAL " 0x64\n" BOTH, 40, 100},
	{TOTAL " NaN\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " +Inf\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " 1e400\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " 1e30\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " -100\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " 0\n" AVAILABLE " 0\n", -1, -1},
	{TOTAL " 100\n" AVAILABLE " 101\n", -1, -1},
	{TOTAL " 100x\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " 1e\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL "\n" AVAILABLE " 40\n", -1, -1},
	{TOTAL " 100\n", -1, -1},
	{"# " TOTAL " 100\n# " AVAILABLE " 40\n", -1, -1},
	{"<html>no metrics</html>", -1, -1},
	{"", -1, -1},
	{"\n\n\n", -1, -1},
};

static void forms_of_a_sample(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct memory_reading reading;
		int r = node_exporter_parse(texts[i].text, strlen(texts[i].text), &reading, NULL);

		if (texts[i].total < 0 ? r != -ENODATA
				       : r || reading.total_bytes != texts[i].total ||
						 reading.available_bytes != texts[i].available)
			fail_msg("\"%s\" gave %d, %lld of %lld", texts[i].text, r, (long long)reading.available_bytes,
				 (long long)reading.total_bytes);
	}
}

static void what_is_missing_is_named(void **state)
{
	struct memory_reading reading;
	const char *missing = NULL;

	(void)state;
	assert_int_equal(node_exporter_parse(TOTAL " 1\n", strlen(TOTAL " 1\n"), &reading, &missing), -ENODATA);
	assert_string_equal(missing, AVAILABLE);
	assert_int_equal(node_exporter_parse("", 0, &reading, &missing), -ENODATA);
	assert_string_equal(missing, TOTAL);
}

static void what_it_does_not_give_is_negative(void **state)
{
	struct memory_reading reading;

	(void)state;
	assert_int_equal(node_exporter_parse(BOTH, strlen(BOTH), &reading, NULL), 0);
	assert_true(reading.psi_some_s < 0 && reading.psi_full_s < 0 && reading.oom_kills < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer),
		cmocka_unit_test(forms_of_a_sample),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(what_it_does_not_give_is_negative),
	};

	return cmocka_run_group_tests_name("node_exporter", tests, NULL, NULL);
}
