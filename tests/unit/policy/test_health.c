// SPDX-License-Identifier: GPL-2.0-or-later
/* From check results to health: rows of results are written as letters, and what must come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/health.h"

static const struct check_conf conf = {.type = CHECK_HTTP, .interval_ms = 1000, .rise = 2, .fall = 3};

/*
 * o passed, x refused, w wrong status, t timed out and nothing else was answered, T timed out while the kernel counted
 * answers, c connect timed out, C the same with answers counted, L the agent could not start the probe.
 */
static bool feed(struct health *health, char letter, int64_t now_ms)
{
	static const enum probe_outcome outcomes[] = {
		['o'] = PROBE_OK,      ['x'] = PROBE_REFUSED,         ['w'] = PROBE_WRONG_STATUS,
		['t'] = PROBE_TIMEOUT, ['T'] = PROBE_TIMEOUT,         ['c'] = PROBE_CONNECT_TIMEOUT,
		['L'] = PROBE_LOCAL,   ['C'] = PROBE_CONNECT_TIMEOUT, ['p'] = PROBE_TIMEOUT,
	};
	struct probe_result result = {.outcome = outcomes[(unsigned char)letter]};

	snprintf(result.detail, sizeof(result.detail), "said %c", letter);
	return health_step(health, &conf, &result,
			   letter == 'T' || letter == 'C' ? HEALTH_HEARD_HANDSHAKES
			   : letter == 'p'                ? HEALTH_HEARD_PACKETS
							  : HEALTH_HEARD_NOTHING,
			   now_ms);
}

static const struct {
	enum health_state from;
	const char *results;
	enum health_state to;
	unsigned changed_at; /* index of the last result that changed the state, from 1; 0: none */
	bool transition;
} cases[] = {
	{HEALTH_UNKNOWN, "", HEALTH_UNKNOWN, 0, false},
	{HEALTH_UNKNOWN, "o", HEALTH_UP, 1, false},
	{HEALTH_UNKNOWN, "xx", HEALTH_UNKNOWN, 0, true},
	{HEALTH_UNKNOWN, "xxx", HEALTH_DOWN, 3, false},
	{HEALTH_UNKNOWN, "xxo", HEALTH_UP, 3, false},
	{HEALTH_UP, "xx", HEALTH_UP, 0, true},
	{HEALTH_UP, "xxo", HEALTH_UP, 0, false},
	{HEALTH_UP, "xxoxx", HEALTH_UP, 0, true},
	{HEALTH_UP, "www", HEALTH_DOWN, 3, false},
	{HEALTH_UP, "ttt", HEALTH_DOWN, 3, false},
	{HEALTH_UP, "ccc", HEALTH_DOWN, 3, false},
	{HEALTH_UP, "xwt", HEALTH_DOWN, 3, false},
	{HEALTH_UP, "ppp", HEALTH_DOWN, 3, false}, /* packets of old flows prove nothing for new ones */
	{HEALTH_SLOW, "ppp", HEALTH_DOWN, 3, false},
	{HEALTH_UP, "TTT", HEALTH_SLOW, 3, false},
	{HEALTH_UP, "CCC", HEALTH_SLOW, 3, false},
	{HEALTH_UP, "TTTTTTTTTTTTTTTT", HEALTH_SLOW, 3, false}, /* never out */
	{HEALTH_UP, "xxT", HEALTH_SLOW, 3, false},
	{HEALTH_UP, "Txx", HEALTH_DOWN, 3, false}, /* answers before the first bad check prove nothing */
	{HEALTH_UP, "TTx", HEALTH_SLOW, 3, true},
	{HEALTH_UP, "TTxxx", HEALTH_DOWN, 5, false},
	{HEALTH_SLOW, "xx", HEALTH_SLOW, 0, true},
	{HEALTH_SLOW, "xxTxx", HEALTH_SLOW, 0, true},
	{HEALTH_SLOW, "xxx", HEALTH_DOWN, 3, false},
	{HEALTH_SLOW, "ttt", HEALTH_DOWN, 3, false},
	{HEALTH_SLOW, "o", HEALTH_SLOW, 0, true},
	{HEALTH_SLOW, "oo", HEALTH_UP, 2, false},
	{HEALTH_SLOW, "oTo", HEALTH_SLOW, 0, true},
	{HEALTH_DOWN, "o", HEALTH_DOWN, 0, true},
	{HEALTH_DOWN, "ox", HEALTH_DOWN, 0, false},
	{HEALTH_DOWN, "oo", HEALTH_UP, 2, false},
	{HEALTH_DOWN, "TTTTT", HEALTH_DOWN, 0, false},
	{HEALTH_UP, "LLLLLLL", HEALTH_UP, 0, false},
	{HEALTH_UP, "xLLxLLx", HEALTH_DOWN, 7, false},
};

static void rows_of_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct health health;
		unsigned changed_at = 0;

		health_adopt(&health, cases[i].from, 1000);
		for (unsigned k = 0; cases[i].results[k]; k++) {
			enum health_state before = health.state;
			bool changed = feed(&health, cases[i].results[k], 2000 + 1000 * k);

			if (changed != (before != health.state))
				fail_msg("%s: result %u does not report its change", cases[i].results, k + 1);
			if (changed)
				changed_at = k + 1;
		}
		if (health.state != cases[i].to || changed_at != cases[i].changed_at)
			fail_msg("%s then \"%s\" should be %s since result %u, it is %s since %u",
				 health_state_name(cases[i].from), cases[i].results, health_state_name(cases[i].to),
				 cases[i].changed_at, health_state_name(health.state), changed_at);
		assert_int_equal(health.since_ms, changed_at ? 1000 + 1000 * changed_at : 1000);
		if (health_in_transition(&health) != cases[i].transition)
			fail_msg("%s then \"%s\": the fast interval should be %s", health_state_name(cases[i].from),
				 cases[i].results, cases[i].transition ? "on" : "off");
	}
}

static void keeps_cause_and_words(void **state)
{
	struct health health;

	(void)state;
	health_adopt(&health, HEALTH_UP, 0);
	assert_int_equal(health.cause, PROBE_OK);
	feed(&health, 'o', 1);
	feed(&health, 'w', 2);
	feed(&health, 'w', 3);
	feed(&health, 'x', 4);
	assert_int_equal(health.state, HEALTH_DOWN);
	assert_int_equal(health.cause, PROBE_REFUSED);
	assert_string_equal(health.detail, "said x");
	feed(&health, 'o', 5);
	assert_int_equal(health.cause, PROBE_REFUSED); /* still down, and for this reason */
	feed(&health, 'o', 6);
	assert_int_equal(health.cause, PROBE_OK);
	assert_string_equal(health.detail, "said o");
}

static void knows_whether_tcp_answers(void **state)
{
	static const struct {
		char letter;
		bool answers;
	} letters[] = {{'o', true}, {'x', false}, {'w', true}, {'t', true}, {'c', false}, {'C', true}};
	struct health health;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		health_adopt(&health, HEALTH_DOWN, 0);
		assert_false(health.tcp_answers);
		feed(&health, letters[i].letter, 1);
		if (health.tcp_answers != letters[i].answers)
			fail_msg("after '%c' TCP answers should be %d", letters[i].letter, letters[i].answers);
		feed(&health, 'L', 2);
		assert_int_equal(health.tcp_answers, letters[i].answers);
		assert_int_equal(health.checked_ms, 1);
	}
	health_adopt(&health, HEALTH_UP, 0);
	assert_true(health.tcp_answers);
}

static void remembers_when_timeouts_began(void **state)
{
	struct health health;

	(void)state;
	health_adopt(&health, HEALTH_UP, 0);
	feed(&health, 't', 10);
	feed(&health, 'c', 20);
	feed(&health, 't', 30);
	assert_int_equal(health.timeouts_since_ms, 10);
	assert_int_equal(health.before_timeouts, HEALTH_UP);
	assert_int_equal(health.state, HEALTH_DOWN);
	assert_int_equal(health.answered_ms, 0);
	feed(&health, 'T', 40);
	assert_int_equal(health.timeouts_since_ms, 10);
	assert_int_equal(health.answered_ms, 40);
	feed(&health, 'p', 45);
	assert_int_equal(health.answered_ms, 45); /* of whom a packet comes, the way is there */
	feed(&health, 'x', 50);
	assert_int_equal(health.timeouts_since_ms, 0);
}

static void hears_handshakes_and_packets(void **state)
{
	struct health_counts before = {.handshakes = 7, .packets = 100}, now = before;

	(void)state;
	assert_int_equal(health_heard(&before, &now), HEALTH_HEARD_NOTHING);
	now.packets++;
	assert_int_equal(health_heard(&before, &now), HEALTH_HEARD_PACKETS);
	now.handshakes++;
	assert_int_equal(health_heard(&before, &now), HEALTH_HEARD_HANDSHAKES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_results),
		cmocka_unit_test(keeps_cause_and_words),
		cmocka_unit_test(knows_whether_tcp_answers),
		cmocka_unit_test(remembers_when_timeouts_began),
		cmocka_unit_test(hears_handshakes_and_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
