// SPDX-License-Identifier: GPL-2.0-or-later
/* Figures and times as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "cli/human.h"

static void test_figures(void **state)
{
	char buf[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_bytes(0, buf), "0 B");
	assert_string_equal(human_bytes(1023, buf), "1023 B");
	assert_string_equal(human_bytes(1024, buf), "1.0 KiB");
	assert_string_equal(human_bytes(1048575, buf), "1.0 MiB");
	assert_string_equal(human_bytes(1288490189, buf), "1.2 GiB");
	assert_string_equal(human_short_bytes(0, buf), "0");
	assert_string_equal(human_short_bytes(131072, buf), "128K");
	assert_string_equal(human_short_bytes(3355443, buf), "3.2M");
	assert_string_equal(human_rate(0, buf), "0");
	assert_string_equal(human_rate(12.5, buf), "12.5");
	assert_string_equal(human_rate(1250.4, buf), "1250");
	assert_string_equal(human_number(1, buf), "1");
	assert_string_equal(human_number(0.73, buf), "0.73");
	assert_string_equal(human_number(0.5, buf), "0.5");
	assert_string_equal(human_number(100, buf), "100");
	assert_string_equal(human_number(0, buf), "0");
}

static void test_times(void **state)
{
	char buf[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_age(-5, buf), "0s");
	assert_string_equal(human_age(59999, buf), "59s");
	assert_string_equal(human_age(180000, buf), "3m");
	assert_string_equal(human_age(7500000, buf), "2h 5m");
	assert_string_equal(human_left(599000, buf), "10m");
	assert_string_equal(human_left(59000, buf), "59s");
	assert_string_equal(human_age(360000000, buf), "4d 4h");
	assert_string_equal(human_time(1795000000000, 1795000000000, buf), "11:06:40");
	assert_string_equal(human_time(1795000000000, 1795086400000, buf), "2026-11-18 11:06");
}

static void wraps(size_t width, const char *text, const char *want)
{
	char *got = NULL;
	size_t size;
	FILE *stream = open_memstream(&got, &size);

	human_wrap(stream, width, 0, 2, text);
	fclose(stream);
	if (strcmp(got, want) != 0)
		fail_msg("'%s' at width %zu is '%s'", text, width, got);
	free(got);
}

static void test_wrap(void **state)
{
	(void)state;
	wraps(10, "one two three", "one two\n  three\n");
	wraps(0, "one two three", "one two three\n");
	wraps(4, "a-long-word b", "a-long-word\n  b\n");
	wraps(12, "it has 1.2 GiB", "it has\n  1.2 GiB\n");
	wraps(80, "", "\n");
	/* what a server sent must not steer the terminal */
	wraps(80, "red \033[31m and \xc2\x9b caf\xc3\xa9", "red ?[31m and ? caf\xc3\xa9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_figures), cmocka_unit_test(test_times),
					   cmocka_unit_test(test_wrap)};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
