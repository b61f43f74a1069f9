// SPDX-License-Identifier: GPL-2.0-or-later
/* Typed values of the command line, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "cli/value.h"

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: not accepted */
	} table[] = {
		{"90", 90},
		{"90s", 90},
		{"30m", 1800},
		{"2h", 7200},
		{"1d", 86400},
		{"1h30m", 5400},
		{"1d2h3m4s", 93784},
		{"366d", 31622400},
		{"", 0},
		{"0", 0},
		{"0s", 0},
		{"-5m", 0},
		{"5x", 0},
		{"m", 0},
		{"30m1h", 0},
		{"1h1h", 0},
		{"1h30", 0},
		{"1.5h", 0},
		{" 5m", 0},
		{"5m ", 0},
		{"367d", 0},
		{"99999999999999999999s", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t seconds = 0;
		int error = value_duration(table[i].text, &seconds);

		if (table[i].seconds == 0 && error == 0)
			fail_msg("the duration '%s' is accepted, as %lld s", table[i].text, (long long)seconds);
		if (table[i].seconds != 0 && (error != 0 || seconds != table[i].seconds))
			fail_msg("the duration '%s' is %lld s (error %d), not %lld", table[i].text, (long long)seconds,
				 error, (long long)table[i].seconds);
	}
}

static const char *const modes[] = {"auto", "native", "nothing", NULL};

static void test_types(void **state)
{
	static const struct {
		enum value_type type;
		const char *text;
		bool good;
		int64_t number;
		const char *why; /* part of what is said */
	} table[] = {
		{VALUE_COUNT, "1", true, 1},
		{VALUE_COUNT, "0", .why = "whole number from 1"},
		{VALUE_COUNT, "-1", .why = "whole number"},
		{VALUE_COUNT, "1e3", .why = "whole number"},
		{VALUE_COUNT, "9999999999", .why = "whole number"},
		{VALUE_WEIGHT, "0", true, 0},
		{VALUE_WEIGHT, "256", true, 256},
		{VALUE_WEIGHT, "257", .why = "0 to 256"},
		{VALUE_WEIGHT, "", .why = "0 to 256"},
		{VALUE_PORT, "65535", true, 65535},
		{VALUE_PORT, "65536", .why = "1 to 65535"},
		{VALUE_ADDRESS, "10.0.0.1", true},
		{VALUE_ADDRESS, "fd00::1", true},
		{VALUE_ADDRESS, "10.0.0.1:80", .why = "without a port"},
		{VALUE_ADDRESS, "web-01", .why = "IPv4 like"},
		{VALUE_ENDPOINT, "10.0.0.1:80", true},
		{VALUE_ENDPOINT, "[fd00::1]:80", true},
		{VALUE_ENDPOINT, "10.0.0.1", .why = "give 10.0.0.1:80 or [fd00::1]:80"},
		{VALUE_ENDPOINT, "10.0.0.1:0", .why = "address with a port"},
		{VALUE_ENDPOINT, "10.0.0.1:65536", .why = "address with a port"},
		{VALUE_ENDPOINT, "fd00::1:80", .why = "address with a port"},
		{VALUE_ENDPOINT, "web-01:80", .why = "address with a port"},
		{VALUE_WORD, "auto", true, 0},
		{VALUE_WORD, "nat", true, 1},
		{VALUE_WORD, "n", .why = "could be several: give one of auto, native, nothing"},
		{VALUE_WORD, "fast", .why = "is not known here: give one of auto, native, nothing"},
		{VALUE_INTERFACE, "eth0", true},
		{VALUE_INTERFACE, "a-name-too-long-for-it", .why = "15 characters"},
		{VALUE_INTERFACE, "../x", .why = "interface"},
		{VALUE_TEXT, "", .why = "is empty"},
		{VALUE_TEXT, "kernel update", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t number = 0;
		char why[256] = "";
		int error = value_parse(table[i].type, modes, table[i].text, &number, why, sizeof(why));

		if (table[i].good && (error || number != table[i].number))
			fail_msg("'%s' is refused (%s) or became %lld", table[i].text, why, (long long)number);
		if (!table[i].good && (!error || !strstr(why, table[i].why)))
			fail_msg("'%s' is accepted, or the fault says '%s' and not '%s'", table[i].text, why,
				 table[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_types)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
