// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of the agent-check protocol, and what is read from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <cmocka.h>

#include "probe/agent_check.h"

static const struct {
	const char *line;
	int weight_pct, health, admin;
	int64_t available_bytes, total_bytes;
	const char *text;
} lines[] = {
	{"up\n", -1, AGENT_UP, -1, -1, -1, ""},
	{"UP READY 100%\r\n", 100, AGENT_UP, AGENT_READY, -1, -1, ""},
	{"75%\n", 75, -1, -1, -1, -1, ""},
	{"0%", 0, -1, -1, -1, -1, ""},
	{"256%", 256, -1, -1, -1, -1, ""},
	{"257%", -1, -1, -1, -1, -1, "257%"},
	{"weight:12", 12, -1, -1, -1, -1, ""},
	{"Weight:12%", 12, -1, -1, -1, -1, ""},
	{"weight:", -1, -1, -1, -1, -1, "weight:"},
	{"weight:1x", -1, -1, -1, -1, -1, "weight:1x"},
	{"75", -1, -1, -1, -1, -1, "75"},
	{"%", -1, -1, -1, -1, -1, "%"},
	{"-5%", -1, -1, -1, -1, -1, "-5%"},
	{"99999999999999999999%", -1, -1, -1, -1, -1, "99999999999999999999%"},
	{"drain,maint\tready", -1, -1, AGENT_READY, -1, -1, ""},
	{"up down stopped fail", -1, AGENT_FAIL, -1, -1, -1, ""},
	{"fail up 10% 20%", 20, AGENT_UP, -1, -1, -1, ""},
	{"maxconn:30 up", -1, AGENT_UP, -1, -1, -1, ""},
	{"maxconn:x up", -1, AGENT_UP, -1, -1, -1, "maxconn:x"},
	{"upp warm up", -1, AGENT_UP, -1, -1, -1, "upp warm"},
	{"down #disk is full, up 5%", -1, AGENT_DOWN, -1, -1, -1, "disk is full, up 5%"},
	{"odd down#tied", -1, -1, -1, -1, -1, "odd down#tied"},
	{"up\ndown", -1, AGENT_UP, -1, -1, -1, ""},
	{"up\rdown", -1, AGENT_UP, -1, -1, -1, ""},
	{"up #\xc3\xa9\x1b[31m", -1, AGENT_UP, -1, -1, -1, "???[31m"},
	{"up 100% #memory available=123456 total=456789\n", 100, AGENT_UP, -1, 123456, 456789,
	 "memory available=123456 total=456789"},
	{"up # memory total=9 available=0", -1, AGENT_UP, -1, 0, 9, "memory total=9 available=0"},
	{"#memory available=10 total=9", -1, -1, -1, -1, -1, "memory available=10 total=9"},
	{"#memory available=1k total=9", -1, -1, -1, -1, -1, "memory available=1k total=9"},
	{"#memory available=1", -1, -1, -1, -1, -1, "memory available=1"},
	{"#memory available=-1 total=9", -1, -1, -1, -1, -1, "memory available=-1 total=9"},
	{"#free memory available=1 total=9", -1, -1, -1, -1, -1, "free memory available=1 total=9"},
};

static void lines_and_readings(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		struct memory_reading reading;

		if (agent_check_parse(lines[i].line, strlen(lines[i].line), &reading) < 0)
			fail_msg("\"%s\" was not read", lines[i].line);
		if (reading.weight_pct != lines[i].weight_pct || reading.health != lines[i].health ||
		    reading.admin != lines[i].admin || reading.available_bytes != lines[i].available_bytes ||
		    reading.total_bytes != lines[i].total_bytes || strcmp(reading.text, lines[i].text))
			fail_msg("\"%s\" was read as weight %d, health %d, admin %d, memory %lld of %lld, text \"%s\"",
				 lines[i].line, reading.weight_pct, reading.health, reading.admin,
				 (long long)reading.available_bytes, (long long)reading.total_bytes, reading.text);
	}
}

static void lines_without_a_word(void **state)
{
	static const char *const empty[] = {"", "\n", " \t,, \r\n", "\nup"};
	struct memory_reading reading;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(empty); i++)
		assert_int_equal(agent_check_parse(empty[i], strlen(empty[i]), &reading), -EBADMSG);
}

static void long_text_is_cut(void **state)
{
	struct memory_reading reading;
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(agent_check_parse(line, sizeof(line), &reading), 0);
	assert_int_equal(strlen(reading.text), sizeof(reading.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_readings),
		cmocka_unit_test(lines_without_a_word),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests_name("agent-check", tests, NULL, NULL);
}
