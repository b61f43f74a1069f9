// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory and an agent's words do to a whole pool: by story. */
#include "pool_lab.h"

static void memory_below_hard_is_relieved(void **state)
{
	(void)state;
	lab_up(2);
	for (int k = 0; k < MEMORY_ROOM_LEAST; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 60);
		remembers(WEB_02, 60);
	}
	lab.now_ms += 1000;
	remembers(WEB_01, 20);
	weigh();
	assert_server(WEB_01, 900, POOL_CAUSE_MEMORY);
	lab.now_ms += 1000;
	remembers(WEB_01, 5);
	weigh();
	if (!lab.runs[WEB_01].effective)
		fail_msg("web-01 was relieved before its twin was read again");
	remembers(WEB_02, 60);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	for (int step = 1; step <= 10; step++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 60);
		weigh();
	}
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void memory_of_all_low_moves_nothing(void **state)
{
	(void)state;
	lab_up(2);
	for (int k = 0; k < 60; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 15);
		remembers(WEB_02, 15);
		weigh();
	}
	assert_true(lab.runs[WEB_01].effective >= 900 && lab.runs[WEB_02].effective >= 900);
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 4);
		remembers(WEB_02, 4);
		weigh();
	}
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_true(lab.run.fail_open);
}

static void read_both(double web_01, double web_02)
{
	lab.now_ms += 1000;
	remembers(WEB_01, web_01);
	remembers(WEB_02, web_02);
	weigh();
}

static void a_twin_that_falls_is_given_nothing(void **state)
{
	(void)state;
	lab_up(2);
	read_both(60, 60);
	for (int k = 0; k < 20; k++) {
		read_both(24 - k, 60 - k);
		if (lab.runs[WEB_01].effective < 900)
			fail_msg("web-01 has %u although both fall", lab.runs[WEB_01].effective);
	}
	/* It rests: now it is known what it has. */
	for (int k = 0; k < 6; k++)
		read_both(5, 60);
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
}

static void who_has_just_joined_takes_all_the_same(void **state)
{
	(void)state;
	lab_up(2);
	lab.members[WEB_02].allowed = 0;
	lab.members[WEB_02].ordered = true;
	for (int k = 0; k < 5; k++)
		read_both(12 - k, 95);
	lab.members[WEB_02].allowed = 10;
	lab.members[WEB_02].ordered = false;
	/* It falls as it takes its part. */
	for (int k = 0; k < 5; k++)
		read_both(5, 95 - 3 * k);
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
}

static void a_twin_that_is_noisy_is_given_all_the_same(void **state)
{
	static const double noise[] = {0, 1.4, -1.1, 0.3, -1.5, 1.5, -0.2, 0.9, -1.3, 1.2, -0.7};

	(void)state;
	lab_up(2);
	for (int k = 0; k < 60; k++)
		read_both(60 + noise[(k + 5) % 11], 60 + noise[k % 11]);
	for (int k = 0; k < 10; k++)
		read_both(20 - 2 * k, 60 + noise[k % 11]);
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
}

static void a_twin_that_could_not_carry_it_is_not_given_all(void **state)
{
	(void)state;
	lab_up(2);
	for (int k = 0; k < 10; k++)
		read_both(30, 30);
	for (int k = 0; k < 3; k++)
		read_both(5, 30);
	if (!lab.runs[WEB_01].effective)
		fail_msg("web-02 at 70 %% of its memory was given twice its load");
}

/* Moves between two, and then back. */
static void there_and_back(void)
{
	lab_up(2);
	for (int k = 0; k < 10; k++)
		read_both(60, 60);
	for (int k = 0; k < 10; k++)
		read_both(12, 60);
	if (lab.runs[WEB_01].effective > 600)
		fail_msg("web-01, short of memory, has %u", lab.runs[WEB_01].effective);
	for (int k = 0; k < 60; k++)
		read_both(27, 20);
	if (lab.runs[WEB_01].effective < 900)
		fail_msg("web-01 got back only %u", lab.runs[WEB_01].effective);
}

static void what_was_taken_back_is_not_moved_again(void **state)
{
	(void)state;
	there_and_back();
	for (int k = 0; k < 3600; k++) {
		read_both(12, 60);
		if (lab.runs[WEB_01].effective < 900 || lab.runs[WEB_02].effective < 900)
			fail_msg("second %d: %u and %u", k, lab.runs[WEB_01].effective, lab.runs[WEB_02].effective);
	}
	/* Ten good minutes, and it may. */
	for (int k = 0; k < 640; k++)
		read_both(60, 60);
	for (int k = 0; k < 10; k++)
		read_both(12, 60);
	if (lab.runs[WEB_01].effective > 600)
		fail_msg("web-01, short of memory, has %u", lab.runs[WEB_01].effective);
}

static void after_ten_minutes_one_below_hard_is_relieved_all_the_same(void **state)
{
	(void)state;
	there_and_back();
	for (int k = 0; k < 500; k++) {
		read_both(5, 70);
		if (!lab.runs[WEB_01].effective)
			fail_msg("second %d: web-01 was relieved although its moves were taken back minutes ago", k);
	}
	for (int k = 0; k < 100; k++)
		read_both(5, 70);
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
	/* And that lasts: above hard again, it has its floor and no more. */
	for (int k = 0; k < 450; k++) {
		read_both(60, 50);
		assert_server(WEB_01, 100, POOL_CAUSE_MEMORY);
	}
	for (int k = 0; k < 300; k++)
		read_both(60, 50);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	/* But not for a twin that would fall below soft, and give it back. */
	there_and_back();
	for (int k = 0; k < 1200; k++)
		read_both(5, 55);
	if (!lab.runs[WEB_01].effective)
		fail_msg("web-02 at 45 %% of its memory was given twice its load");
}

/* Steps down at once beside one that has room, whichever of the two it is. */
static void assert_steps_down(size_t low, size_t roomy)
{
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		remembers(low, 12);
		remembers(roomy, 60);
		weigh();
	}
	if (lab.runs[low].effective > 600)
		fail_msg("web-0%zu, short of memory, has %u", low + 1, lab.runs[low].effective);
}

static void a_first_move_is_no_way_back(void **state)
{
	(void)state;
	for (size_t low = WEB_01; low <= WEB_02; low++) {
		lab_up(2);
		for (int k = 0; k < 10; k++)
			read_both(60, 60);
		for (int k = 0; k < 10; k++)
			read_both(low == WEB_01 ? 5 : 70, low == WEB_02 ? 5 : 70);
		assert_server(low, 0, POOL_CAUSE_MEMORY);
		assert_int_equal(lab.run.moves.back_ms, 0);
	}
}

static void what_an_order_moves_is_not_taken_back_by_memory(void **state)
{
	(void)state;
	lab_up(2);
	for (int k = 0; k < 10; k++)
		read_both(60, 60);
	assert_steps_down(WEB_01, WEB_02);
	lab.members[WEB_02].allowed = 2;
	for (int k = 0; k < 10; k++)
		read_both(12, 60);
	lab.members[WEB_02].allowed = 10;
	read_both(12, 60);
	assert_int_equal(lab.run.moves.back_ms, 0);
	assert_steps_down(WEB_01, WEB_02);
}

static void other_servers_begin_anew(void **state)
{
	(void)state;
	there_and_back();
	assert_true(lab.run.moves.back_ms);
	lab.n = 3;
	lab.members[WEB_03] = lab.members[WEB_02];
	lab.members[WEB_03].run = &lab.runs[WEB_03];
	lab.members[WEB_03].health = &lab.health[WEB_03];
	lab.members[WEB_03].memory = &lab.memory[WEB_03];
	health_adopt(&lab.health[WEB_03], HEALTH_UP, lab.now_ms);
	memory_init(&lab.memory[WEB_03], 100, lab.now_ms);
	/* As many as before, but not the same. */
	lab.members[WEB_02].allowed = 0;
	lab.members[WEB_02].ordered = true;
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 60);
		remembers(WEB_03, 60);
		weigh();
	}
	assert_int_equal(lab.run.moves.back_ms, 0);
	assert_steps_down(WEB_01, WEB_03);
}

static void of_three_anothers_shortage_holds_nobody(void **state)
{
	(void)state;
	lab_up(3);
	for (int k = 0; k < 40; k++) {
		/* web-01 goes to and fro, web-02 falls short, web-03 has room. */
		remembers(WEB_03, 70);
		read_both(k / 10 % 2 ? 60 : 12, k < 20 ? 60 : 12);
	}
	if (lab.runs[WEB_02].effective > 600)
		fail_msg("web-02, short of memory, has %u", lab.runs[WEB_02].effective);
	for (int k = 0; k < 5; k++) {
		remembers(WEB_03, 70);
		read_both(12, 5);
	}
	assert_server(WEB_02, 0, POOL_CAUSE_MEMORY);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
}

static void alone_nobody_steps_down(void **state)
{
	(void)state;
	lab_up(2);
	read_both(60, 60);
	goes(WEB_02, PROBE_REFUSED);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 15);
		weigh();
		assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	}
}

static void who_dies_again_and_again_gets_nothing_back(void **state)
{
	uint32_t least = 1000;

	(void)state;
	lab_up(2);
	for (int k = 0; k < 10; k++)
		read_both(60, 60);
	for (int life = 0; life < 4; life++)
		for (int k = 0; k < 10; k++) {
			read_both(90 - 9.5 * k, 60);
			if (life > 1 && lab.runs[WEB_01].effective > least)
				fail_msg("life %d: web-01 had %u and has %u", life, least, lab.runs[WEB_01].effective);
			least = lab.runs[WEB_01].effective;
		}
	for (int k = 0; k < 300; k++)
		read_both(60, 60);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void nobody_below_soft_gets_more_than_half_as_much_again(void **state)
{
	(void)state;
	lab_up(2);
	lab.memory[WEB_01].factor_pct = 10;
	remembers(WEB_01, 60);
	lab.memory[WEB_01].stepped_ms = lab.now_ms; /* no step of its own meanwhile */
	lab.memory[WEB_01].factor_pct = 10;
	remembers(WEB_02, 60);
	weigh();
	assert_server(WEB_01, 100, POOL_CAUSE_MEMORY);
	remembers(WEB_02, 24.9); /* web-02 has 91 % and is not above soft any more: 75 % at most */
	weigh();
	if (lab.runs[WEB_02].effective > 3 * lab.runs[WEB_01].effective)
		fail_msg("web-02, short of memory, gets %u to web-01's %u", lab.runs[WEB_02].effective,
			 lab.runs[WEB_01].effective);
	assert_in_range(lab.runs[WEB_01].effective, 300, 350);
}

/* Two of three are short, and memory leaves each of them so much. */
static void two_of_three_keep(uint32_t factor_pct)
{
	lab_up(3);
	for (size_t i = 0; i < 3; i++)
		remembers(i, 60);
	lab.now_ms += 1000;
	for (size_t i = 0; i < 2; i++) {
		remembers(i, 15);
		lab.memory[i].factor_pct = factor_pct;
		lab.memory[i].stepped_ms = lab.now_ms;
	}
	weigh();
}

static void where_memory_takes_more_than_half_all_are_equal(void **state)
{
	(void)state;
	two_of_three_keep(30); /* 53 % of the pool */
	assert_server(WEB_01, 300, POOL_CAUSE_MEMORY);
	assert_server(WEB_02, 300, POOL_CAUSE_MEMORY);
	assert_false(lab.run.memory_short);
	two_of_three_keep(20); /* 47 % */
	assert_true(lab.run.memory_short);
	for (size_t i = 0; i < 3; i++)
		if (lab.runs[i].effective != 1000)
			fail_msg("web-0%zu has %u of 1000, and not as much as the others", i + 1,
				 lab.runs[i].effective);
}

static void who_joins_ends_all_equal(void **state)
{
	(void)state;
	lab_up(3);
	lab.members[WEB_03].allowed = 0;
	lab.members[WEB_03].ordered = true;
	remembers(WEB_01, 4);
	remembers(WEB_02, 4);
	for (int k = 0; k < MEMORY_ROOM_LEAST; k++) {
		lab.now_ms += 1000;
		remembers(WEB_03, 80);
	}
	weigh();
	assert_true(lab.run.fail_open);
	lab.members[WEB_03].allowed = 10;
	lab.members[WEB_03].ordered = false;
	lab.now_ms += 1000;
	weigh();
	assert_false(lab.run.fail_open);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	lab.now_ms += 1000;
	remembers(WEB_03, 80); /* under what it has now */
	weigh();
	assert_int_equal(lab.runs[WEB_01].effective, 0); /* one of the two below hard: max_out */
}

static void an_agents_words_lower_but_never_raise(void **state)
{
	(void)state;
	lab_up(3);
	agent_says(WEB_01, 40, -1, -1);
	weigh();
	assert_server(WEB_01, 400, POOL_CAUSE_AGENT);
	agent_says(WEB_01, 250, AGENT_UP, AGENT_READY);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	agent_says(WEB_01, -1, -1, AGENT_DRAIN);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_AGENT);
	agent_says(WEB_02, -1, AGENT_STOPPED, -1); /* beyond max_out: the floor */
	weigh();
	assert_server(WEB_02, 100, POOL_CAUSE_AGENT);
	agent_says(WEB_03, -1, AGENT_FAIL, -1); /* all ask out: nobody goes */
	weigh();
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FAIL_OPEN);
	/* An agent that then falls silent keeps nobody out. */
	lab.now_ms += 10000;
	for (size_t i = 0; i < 3; i++)
		memory_age(&lab.memory[i], &memory_conf, lab.now_ms);
	weigh();
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FULL);
	goes(WEB_01, PROBE_WRONG_STATUS);
	agent_says(WEB_01, 100, AGENT_UP, AGENT_READY);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_below_hard_is_relieved),
		cmocka_unit_test(memory_of_all_low_moves_nothing),
		cmocka_unit_test(a_twin_that_falls_is_given_nothing),
		cmocka_unit_test(who_has_just_joined_takes_all_the_same),
		cmocka_unit_test(a_twin_that_is_noisy_is_given_all_the_same),
		cmocka_unit_test(a_twin_that_could_not_carry_it_is_not_given_all),
		cmocka_unit_test(what_was_taken_back_is_not_moved_again),
		cmocka_unit_test(after_ten_minutes_one_below_hard_is_relieved_all_the_same),
		cmocka_unit_test(a_first_move_is_no_way_back),
		cmocka_unit_test(what_an_order_moves_is_not_taken_back_by_memory),
		cmocka_unit_test(other_servers_begin_anew),
		cmocka_unit_test(of_three_anothers_shortage_holds_nobody),
		cmocka_unit_test(alone_nobody_steps_down),
		cmocka_unit_test(who_dies_again_and_again_gets_nothing_back),
		cmocka_unit_test(nobody_below_soft_gets_more_than_half_as_much_again),
		cmocka_unit_test(where_memory_takes_more_than_half_all_are_equal),
		cmocka_unit_test(who_joins_ends_all_equal),
		cmocka_unit_test(an_agents_words_lower_but_never_raise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
