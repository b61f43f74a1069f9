// SPDX-License-Identifier: GPL-2.0-or-later
/* The capacity gate: yes, no, unknown, with the numbers. Two servers of equal weight unless a test says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/gate.h"

#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)
#define WALL      (500000 * HOUR_MS)
#define GIB       (1LL << 30)
#define MIB       (1LL << 20)

enum { WEB_01, WEB_02, WEB_03, MOST };

static struct history histories[MOST];
static struct gate_server pool[MOST];
static struct gate_answer answer;
static int64_t wall_ms;
static int64_t for_ms;

static int setup(void **state)
{
	static const char *const names[] = {"web-01", "web-02", "web-03"};

	(void)state;
	memset(histories, 0, sizeof(histories));
	wall_ms = WALL;
	for_ms = HOUR_MS;
	for (size_t i = 0; i < MOST; i++)
		pool[i] = (struct gate_server){.name = names[i],
					       .before = 100,
					       .after = 100,
					       .healthy = true,
					       .above_soft = true,
					       .history = &histories[i],
					       .soft_pct = 25,
					       .hard_pct = 8};
	return 0;
}

/* So many minutes in which both servers get so many new flows a second and hold so many live ones. */
static void carry(int minutes, unsigned flows_s, unsigned live)
{
	static uint64_t flows[MOST];

	for (int s = 0; s <= minutes * 60; s++, wall_ms += s <= minutes * 60 ? 1000 : 0)
		for (size_t i = 0; i < MOST; i++) {
			flows[i] += s ? flows_s : 0;
			pool[i].live = live;
			history_feed(&histories[i], &(struct history_sample){.wall_ms = wall_ms,
									     .flows = flows[i],
									     .live = live,
									     .available_permille = 500,
									     .used_bytes = GIB + live * MIB,
									     .watched = true,
									     .above_soft = true});
		}
}

static void judge(size_t n, enum gate_word word, enum gate_reason reason, bool allowed)
{
	char text[512];

	gate_judge(pool, n, wall_ms, for_ms, &answer);
	gate_text(pool, &answer, text, sizeof(text));
	if (answer.word != word || answer.reason != reason || answer.allowed != allowed)
		fail_msg("%s (reason %d), %sallowed: %s", gate_word_name(answer.word), answer.reason,
			 answer.allowed ? "" : "not ", text);
}

static void says(const char *part)
{
	char text[512];

	gate_text(pool, &answer, text, sizeof(text));
	if (!strstr(text, part))
		fail_msg("it says '%s' and not '%s'", text, part);
}

static void test_nothing_is_known(void **state)
{
	(void)state;
	pool[WEB_02].after = 0;
	judge(2, GATE_UNKNOWN, GATE_NO_HISTORY, true);
	says("nothing is known yet of what web-01 can carry");
	pool[WEB_01].above_soft = false;
	judge(2, GATE_UNKNOWN, GATE_SOFT, false);
	pool[WEB_01].above_soft = true;
	pool[WEB_01].healthy = false;
	judge(2, GATE_UNKNOWN, GATE_ILL, false);
}

/* The incident: each carried its half, and nobody knows whether one carries both. */
static void test_the_incident(void **state)
{
	(void)state;
	carry(90, 20, 100);
	pool[WEB_02].after = 0;
	judge(2, GATE_UNKNOWN, GATE_UNPROVEN, true);
	assert_int_equal(pool[WEB_01].flows_after, 2400);
	assert_int_equal(pool[WEB_01].live_after, 200);
	says("web-01 would get 40.0 new flows a second and 200 live ones, and has carried no more than 20.0 new flows "
	     "a "
	     "second and 100 live ones");
}

/* At night half of what each carried by day: one alone has carried as much. */
static void test_proven(void **state)
{
	(void)state;
	carry(60, 20, 100);
	carry(120, 10, 50);
	pool[WEB_02].after = 0;
	judge(2, GATE_YES, GATE_PROVEN, true);
	wall_ms += 25 * HOUR_MS;
	judge(2, GATE_UNKNOWN, GATE_NO_HISTORY, true);
}

/* A drain in the quiet of the night is one thing; to remove a server then is another, for noon comes. */
static void test_lasting(void **state)
{
	(void)state;
	carry(60, 20, 100);
	carry(120, 10, 50);
	pool[WEB_02].after = 0;
	judge(2, GATE_YES, GATE_PROVEN, true);
	for_ms = GATE_LASTING;
	judge(2, GATE_UNKNOWN, GATE_UNPROVEN, true);
	assert_int_equal(pool[WEB_01].flows_after, 2400);
}

/* Who has carried nothing has proven nothing, not even that it carries nothing. */
static void test_idle(void **state)
{
	(void)state;
	carry(90, 0, 0);
	pool[WEB_02].after = 0;
	judge(2, GATE_UNKNOWN, GATE_NO_HISTORY, true);
}

/* The last hour's busiest minute counts, not only now. */
static void test_busiest_minute_of_the_hour(void **state)
{
	(void)state;
	carry(5, 20, 100);
	carry(50, 2, 10);
	pool[WEB_02].after = 0;
	judge(2, GATE_UNKNOWN, GATE_UNPROVEN, true);
	carry(20, 2, 10);
	judge(2, GATE_YES, GATE_PROVEN, true);
}

static void test_last(void **state)
{
	(void)state;
	carry(3, 20, 100);
	pool[WEB_01].after = pool[WEB_02].after = 0;
	judge(2, GATE_NO, GATE_LAST, false);
	says("nobody would serve: 40.0 new flows a second and 200 live ones");
	pool[WEB_01].before = pool[WEB_02].before = 0;
	judge(2, GATE_YES, GATE_NO_MORE, true);
}

/* max_flows wins over what was proven, either way. */
static void test_max_flows(void **state)
{
	(void)state;
	carry(3, 20, 100);
	pool[WEB_02].after = 0;
	pool[WEB_01].limit = pool[WEB_01].limit_before = 250;
	judge(2, GATE_YES, GATE_ROOM, true);
	says("its max_flows is 250");
	pool[WEB_01].limit = pool[WEB_01].limit_before = 150;
	judge(2, GATE_NO, GATE_FULL, false);
	says("of 200 live flows 50 would find no room: the max_flows of those that stay are 150 together");
}

/* One at its max_flows passes the rest on: the next one is asked for more than its weight's share. */
static void test_overflow(void **state)
{
	(void)state;
	carry(3, 20, 100);
	pool[WEB_03].after = 0;
	pool[WEB_01].limit = pool[WEB_01].limit_before = 110;
	judge(3, GATE_UNKNOWN, GATE_UNPROVEN, true);
	assert_int_equal(pool[WEB_01].live_after, 110);
	assert_int_equal(pool[WEB_02].live_after, 190);
	pool[WEB_02].limit = pool[WEB_02].limit_before = 180;
	judge(3, GATE_NO, GATE_FULL, false);
	assert_int_equal(answer.over, 10);
}

/* A lower max_flows in a new configuration is asked even if no weight changes. */
static void test_lower_limit(void **state)
{
	(void)state;
	carry(3, 20, 100);
	judge(2, GATE_YES, GATE_NO_MORE, true);
	pool[WEB_01].limit = pool[WEB_02].limit = 80;
	pool[WEB_01].limit_before = pool[WEB_02].limit_before = 120;
	judge(2, GATE_NO, GATE_FULL, false);
	pool[WEB_01].limit = pool[WEB_02].limit = 110;
	judge(2, GATE_YES, GATE_ROOM, true);
}

/* An hour of 100 to 400 live flows at 1 MiB each. */
static void hour_of_memory(void)
{
	for (unsigned i = 0; i < 60; i++)
		carry(1, 20, 100 + i * 5);
}

static void test_memory(void **state)
{
	(void)state;
	hour_of_memory(); /* 395 live flows each at its end */
	pool[WEB_01].total_bytes = 4 * GIB;
	pool[WEB_02].after = 0;
	pool[WEB_01].available_bytes = 2 * GIB;
	judge(2, GATE_UNKNOWN, GATE_UNPROVEN, true);
	if (pool[WEB_01].bytes_a_flow < 0.9 * MIB || pool[WEB_01].bytes_a_flow > 1.1 * MIB)
		fail_msg("a flow takes %.0f bytes", pool[WEB_01].bytes_a_flow);
	pool[WEB_01].available_bytes = 600 * MIB;
	judge(2, GATE_NO, GATE_HARD, false);
	says("web-01 would have 5 % of its memory left with 395 live flows more at 1024 KiB each; its hard mark is 8 "
	     "%");
	pool[WEB_01].available_bytes = 1200 * MIB;
	judge(2, GATE_UNKNOWN, GATE_SOFT, true);
	pool[WEB_01].available_bytes = 200 * MIB;
	pool[WEB_01].above_soft = false;
	judge(2, GATE_NO, GATE_HARD, false);
}

/* What goes on as it does: the twin that would get both shares ends twice as soon. */
static void test_forecast(void **state)
{
	(void)state;
	carry(60, 20, 100);
	carry(120, 10, 50);
	pool[WEB_02].after = 0;
	pool[WEB_01].ends = true;
	pool[WEB_01].hard_in_ms = 130 * MINUTE_MS;
	pool[WEB_01].exhausted_in_ms = 142 * MINUTE_MS;
	judge(2, GATE_YES, GATE_PROVEN, true);
	pool[WEB_01].hard_in_ms = 22 * MINUTE_MS;
	pool[WEB_01].exhausted_in_ms = 28 * MINUTE_MS;
	judge(2, GATE_NO, GATE_FORECAST, false);
	says("at this rate web-01 would be below its hard mark (8 %) in about 11 min and out of memory in about 14 "
	     "min, with 2.0 "
	     "times its share of the load; the change lasts 60 min");
	for_ms = 10 * MINUTE_MS;
	judge(2, GATE_YES, GATE_PROVEN, true);
	for_ms = GATE_LASTING;
	judge(2, GATE_NO, GATE_FORECAST, false);
	says("the change has no end");
	pool[WEB_01].limit = pool[WEB_01].limit_before = 1000; /* room for flows is no memory */
	judge(2, GATE_NO, GATE_FORECAST, false);
	pool[WEB_01].ends = false;
	judge(2, GATE_YES, GATE_ROOM, true);
	pool[WEB_02].ends = true; /* to take out the one that leaks is what helps it */
	judge(2, GATE_YES, GATE_ROOM, true);
}

/* A weight is a change, too: three quarters instead of a half. */
static void test_weight(void **state)
{
	(void)state;
	carry(60, 20, 100);
	carry(90, 10, 50);
	pool[WEB_01].after = 300;
	judge(2, GATE_YES, GATE_PROVEN, true);
	assert_int_equal(pool[WEB_01].live_after, 75);
	carry(1, 40, 50);
	judge(2, GATE_UNKNOWN, GATE_UNPROVEN, true);
	assert_int_equal(answer.at, WEB_01);
}

/* A new server, or one that returns, takes load off the others. */
static void test_relief(void **state)
{
	(void)state;
	carry(2, 20, 100);
	pool[WEB_03].before = 0;
	pool[WEB_03].history = NULL;
	judge(3, GATE_UNKNOWN, GATE_NO_HISTORY, true);
	assert_int_equal(answer.at, WEB_03);
	pool[WEB_03].before = pool[WEB_03].after = 0;
	judge(3, GATE_YES, GATE_NO_MORE, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_is_known, setup),
		cmocka_unit_test_setup(test_the_incident, setup),
		cmocka_unit_test_setup(test_proven, setup),
		cmocka_unit_test_setup(test_lasting, setup),
		cmocka_unit_test_setup(test_idle, setup),
		cmocka_unit_test_setup(test_busiest_minute_of_the_hour, setup),
		cmocka_unit_test_setup(test_last, setup),
		cmocka_unit_test_setup(test_max_flows, setup),
		cmocka_unit_test_setup(test_overflow, setup),
		cmocka_unit_test_setup(test_lower_limit, setup),
		cmocka_unit_test_setup(test_memory, setup),
		cmocka_unit_test_setup(test_forecast, setup),
		cmocka_unit_test_setup(test_weight, setup),
		cmocka_unit_test_setup(test_relief, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
