// SPDX-License-Identifier: GPL-2.0-or-later
/* What a server's own packets may do to it, and what nobody else's may. */
#include "pool_lab.h"

#include "address.h"

static struct signals signals[MOST], *pool_signals[MOST];
static struct signals_pool alike;
static struct muster_signals counted[MOST];
static uint64_t answered[MOST];
static bool asked;
static struct signals_conf signals_conf;

static void up(size_t n)
{
	memset(signals, 0, sizeof(signals));
	memset(counted, 0, sizeof(counted));
	memset(answered, 0, sizeof(answered));
	alike = (struct signals_pool){0};
	signals_conf = (struct signals_conf){.checked = true, .one_port = true, .interval_ms = 30000};
	lab_up(n);
	for (size_t i = 0; i < n; i++) {
		pool_signals[i] = &signals[i];
		lab.members[i].signals = &signals[i];
		signals_count(&signals[i], &counted[i], lab.now_ms);
	}
	weigh();
}

static struct muster_addr client(unsigned i)
{
	struct muster_addr addr = {.word = {0, 0, htonl(0xffff), htonl(0x0a000001u + i)}};

	return addr;
}

static void then(unsigned what)
{
	asked = what & SIGNALS_ASK;
	if (what & SIGNALS_CHANGED)
		weigh();
}

static void refuses(size_t i, unsigned who)
{
	struct muster_addr addr = client(who);

	then(signals_refused(&signals[i], &signals_conf, &addr, answered[i], lab.now_ms));
}

/* The check that was asked for, or one of its own time; it began `age_ms` ago. */
static void check_ends(size_t i, enum probe_outcome outcome, int64_t age_ms)
{
	checks(i, outcome, false);
	then(signals_checked(&signals[i], &signals_conf, outcome, lab.now_ms - age_ms, lab.now_ms));
	weigh();
}

static void ms(int64_t n)
{
	lab.now_ms += n;
	for (size_t i = 0; i < lab.n; i++)
		signals_age(&signals[i], &signals_conf, lab.now_ms);
	weigh();
}

static void three_clients_refused_are_enough(void **state)
{
	(void)state;
	up(2);
	refuses(WEB_02, 1);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	ms(5);
	refuses(WEB_02, 2);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	ms(5);
	refuses(WEB_02, 3);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	assert_false(lab.runs[WEB_02].hard_down); /* its flows live on until somebody else says so */
	ms(1);
	check_ends(WEB_02, PROBE_REFUSED, 1);
	assert_true(lab.runs[WEB_02].hard_down);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void one_client_often_is_one_client(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 100; k++) {
		refuses(WEB_02, k % 2);
		ms(20);
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	check_ends(WEB_02, PROBE_REFUSED, 1);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
}

static void the_first_refusal_asks_a_check_that_confirms(void **state)
{
	(void)state;
	up(2);
	refuses(WEB_02, 1);
	assert_true(asked);
	refuses(WEB_02, 1);
	assert_false(asked);
	check_ends(WEB_02, PROBE_REFUSED, 0);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	assert_true(lab.runs[WEB_02].hard_down);
	assert_int_equal(lab.health[WEB_02].state, HEALTH_UP); /* one bad check of three */
}

static void a_check_that_began_before_says_nothing(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 3; k++)
		refuses(WEB_02, k);
	check_ends(WEB_02, PROBE_OK, 50);
	assert_true(asked);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	up(2);
	refuses(WEB_02, 1);
	check_ends(WEB_02, PROBE_REFUSED, 50);
	assert_true(asked);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void a_check_that_is_answered_brings_back_at_once(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 3; k++)
		refuses(WEB_02, k);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	ms(3);
	check_ends(WEB_02, PROBE_OK, 1);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	for (unsigned k = 0; k < 30; k++) { /* a sender that its firewall rejects goes on: asked about, not believed */
		refuses(WEB_02, k);
		ms(100);
		assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	}
	assert_true(signals[WEB_02].asked_ms > lab.now_ms - 1000);
	ms(60000);
	for (unsigned k = 0; k < 3; k++)
		refuses(WEB_02, k);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
}

static void a_confirmed_one_is_held(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 3; k++)
		refuses(WEB_02, k);
	ms(1);
	check_ends(WEB_02, PROBE_REFUSED, 1);
	ms(500);
	check_ends(WEB_02, PROBE_OK, 1);
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	ms(9400);
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	ms(200);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void who_answers_others_does_not_refuse(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 50; k++) {
		refuses(WEB_02, k);
		refuses(WEB_02, k + 1);
		answered[WEB_02]++;
		ms(10);
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void old_refusals_are_no_row(void **state)
{
	(void)state;
	up(2);
	for (unsigned k = 0; k < 20; k++) {
		refuses(WEB_02, k);
		ms(6000);
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void a_v6_client_is_its_network(void **state)
{
	struct muster_addr addr;

	(void)state;
	up(2);
	for (unsigned k = 0; k < 20; k++) {
		assert_int_equal(address_parse("2001:db8::1", &addr), 0);
		addr.word[3] = htonl(k);
		then(signals_refused(&signals[WEB_02], &signals_conf, &addr, 0, lab.now_ms));
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	for (unsigned k = 1; k < 3; k++) {
		addr.word[1] = htonl(k);
		then(signals_refused(&signals[WEB_02], &signals_conf, &addr, 0, lab.now_ms));
	}
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
}

static void where_clients_choose_the_port_only_checks_decide(void **state)
{
	(void)state;
	up(2);
	signals_conf = (struct signals_conf){.interval_ms = 1000};
	for (unsigned k = 0; k < 50; k++)
		refuses(WEB_02, k);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	ms(2000);
	refuses(WEB_02, 1);
	assert_true(asked);
	check_ends(WEB_02, PROBE_REFUSED, 0); /* of three: health counts it, packets do not */
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void with_nobody_to_ask_it_stands_and_is_held(void **state)
{
	(void)state;
	up(2);
	signals_conf.checked = false;
	for (unsigned round = 0; round < 3; round++) {
		int64_t out_ms = lab.now_ms;

		for (unsigned k = 0; k < 3; k++)
			refuses(WEB_02, k);
		assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
		while (lab.runs[WEB_02].out)
			ms(100);
		assert_in_range(lab.now_ms - out_ms, (10000u << round) - 100, (10000u << round) + 100);
		assert_false(lab.runs[WEB_02].hard_down);
	}
}

static void the_last_one_stays(void **state)
{
	(void)state;
	up(2);
	for (size_t i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 3; k++)
			refuses(i, k);
		check_ends(i, PROBE_REFUSED, 0);
	}
	assert_server(WEB_01, 0, POOL_CAUSE_REFUSES);
	assert_server(WEB_02, 1000, POOL_CAUSE_KEPT);
	assert_false(lab.runs[WEB_02].hard_down);
	assert_false(lab.run.fail_open);
	check_ends(WEB_01, PROBE_OK, 0); /* the other one refuses: no time to hold this one */
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	up(1);
	for (unsigned k = 0; k < 3; k++)
		refuses(WEB_01, k);
	assert_server(WEB_01, 1000, POOL_CAUSE_KEPT);
}

static void packets_alone_keep_to_the_limit(void **state)
{
	(void)state;
	up(4);
	for (size_t i = 0; i < 4; i++)
		for (unsigned k = 0; k < 3; k++)
			refuses(i, k);
	assert_server(WEB_01, 0, POOL_CAUSE_REFUSES);
	assert_server(WEB_02, 0, POOL_CAUSE_REFUSES);
	assert_server(WEB_03, 1000, POOL_CAUSE_KEPT);
	check_ends(WEB_03, PROBE_REFUSED, 0); /* without doubt the limit does not hold it */
	assert_server(WEB_03, 0, POOL_CAUSE_REFUSES);
	check_ends(WEB_04, PROBE_REFUSED, 0);
	assert_server(WEB_04, 1000, POOL_CAUSE_KEPT);
}

static void syns_sent_again_only_ask(void **state)
{
	unsigned checks_asked = 0;

	(void)state;
	up(2);
	for (unsigned k = 0; k < 10000; k++) {
		for (size_t i = 0; i < 2; i++) {
			unsigned what = signals_unanswered(&signals[i], lab.now_ms);

			checks_asked += what & SIGNALS_ASK;
			assert_false(what & SIGNALS_CHANGED);
		}
		ms(1);
	}
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_int_equal(checks_asked, 20);
}

static void what_no_event_told_is_asked_about(void **state)
{
	(void)state;
	up(2);
	ms(1000);
	counted[WEB_02].refused++;
	assert_int_equal(signals_count(&signals[WEB_02], &counted[WEB_02], lab.now_ms), SIGNALS_ASK);
	ms(1000);
	assert_int_equal(signals_count(&signals[WEB_02], &counted[WEB_02], lab.now_ms), 0);
	counted[WEB_02].repeated++;
	assert_int_equal(signals_unanswered(&signals[WEB_02], lab.now_ms), SIGNALS_ASK);
	assert_int_equal(signals_count(&signals[WEB_02], &counted[WEB_02], lab.now_ms), 0);
}

/* --- responses --- */

/* A second in which `n` clients were answered, `errors` of them with 5xx. */
static void answers_http(size_t i, unsigned n, unsigned errors)
{
	counted[i].status[2] += n - errors;
	counted[i].status[5] += 3 * errors; /* each asked three times: counted once */
	counted[i].errors += errors;
	for (unsigned k = 0; k < errors; k++) {
		struct muster_addr addr = client(k);

		signals_failed(&signals[i], &addr, lab.now_ms);
	}
}

static bool second(void)
{
	bool changed;

	ms(1000);
	for (size_t i = 0; i < lab.n; i++)
		signals_count(&signals[i], &counted[i], lab.now_ms);
	changed = signals_compare(&alike, pool_signals, lab.n, lab.now_ms);
	assert_false(signals_compare(&alike, pool_signals, lab.n, lab.now_ms));
	weigh();
	return changed;
}

static void who_errs_alone_is_at_its_floor(void **state)
{
	(void)state;
	up(2);
	for (unsigned s = 0; s < 40; s++) {
		answers_http(WEB_01, 100, 0);
		answers_http(WEB_02, 100, 1);
		assert_false(second());
	}
	answers_http(WEB_01, 100, 0);
	answers_http(WEB_02, 30, 30);
	assert_true(second());
	assert_server(WEB_02, 100, POOL_CAUSE_ERRS);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	assert_int_equal(signals[WEB_02].error_pct, 100);
	assert_false(alike.alike);
	for (unsigned s = 0; s < 20; s++) { /* at its floor, all of it still 5xx, and too little of it to say */
		answers_http(WEB_01, 190, 0);
		if (s % 10 == 0)
			answers_http(WEB_02, 3, 3);
		second();
		assert_server(WEB_02, 100, POOL_CAUSE_ERRS);
	}
	for (unsigned s = 0; s < 31; s++) {
		answers_http(WEB_01, 190, 0);
		answers_http(WEB_02, 10, 0);
		second();
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void all_alike_is_the_applications_fault(void **state)
{
	bool told = false;

	(void)state;
	up(3);
	for (unsigned s = 0; s < 60; s++) {
		for (size_t i = 0; i < 3; i++)
			answers_http(i, 30, 18 + (s + i) % 5);
		told |= second();
		for (size_t i = 0; i < 3; i++)
			assert_server(i, 1000, POOL_CAUSE_FULL);
	}
	assert_true(told && alike.alike);
	assert_in_range(alike.error_pct, 60, 75);
	for (unsigned s = 0; s < 31; s++) {
		for (size_t i = 0; i < 3; i++)
			answers_http(i, 30, 0);
		second();
	}
	assert_false(alike.alike);
}

/* The one at its floor answers too little to be compared as others are: it has to do. */
static void when_the_rest_errs_too_nobody_stands_out(void **state)
{
	(void)state;
	up(2);
	answers_http(WEB_01, 30, 0);
	answers_http(WEB_02, 30, 30);
	second();
	assert_server(WEB_02, 100, POOL_CAUSE_ERRS);
	for (unsigned s = 0; s < 40; s++) {
		answers_http(WEB_01, 3, 3);
		if (s % 5 == 0)
			answers_http(WEB_02, 1, 1);
		second();
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_true(alike.alike);
}

static void few_responses_and_few_clients_say_nothing(void **state)
{
	(void)state;
	up(2);
	answers_http(WEB_01, 100, 0);
	answers_http(WEB_02, 19, 19);
	second();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	up(2); /* nothing to compare with */
	answers_http(WEB_01, 19, 0);
	answers_http(WEB_02, 100, 100);
	second();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	up(2); /* one client that asks web-02 for what is not there */
	for (unsigned s = 0; s < 120; s++) {
		struct muster_addr addr = client(7);

		counted[WEB_02].status[5] += 50;
		counted[WEB_02].errors++;
		signals_failed(&signals[WEB_02], &addr, lab.now_ms);
		answers_http(WEB_01, 10, 0);
		second();
		assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	}
}

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)random_state * below) >> 32);
}

/* Two servers of one application with 10 % of 5xx, 25 responses a second each: six hours of chance. */
static void chance_is_no_fault(void **state)
{
	unsigned erring_s = 0;

	(void)state;
	up(2);
	random_state = 4711;
	for (unsigned s = 0; s < 6 * 3600; s++) {
		for (size_t i = 0; i < 2; i++) {
			unsigned errors = 0;

			for (unsigned k = 0; k < 25; k++)
				errors += draw(10) == 0;
			answers_http(i, 25, errors);
		}
		second();
		erring_s += signals[WEB_01].erring || signals[WEB_02].erring;
	}
	print_message("# %u of %u seconds at the floor by chance\n", erring_s, 6 * 3600);
	assert_in_range(erring_s, 0, 6 * 36); /* one in a hundred */
}

/*
 * All that a sender of packets can do, to servers that answer: SYNs that are sent again, from anywhere, SYNs that a server's
 * own firewall rejects, two addresses of its own at a time, 5xx provoked at random. Nobody is ever out.
 */
static void nobody_ejects_a_server_that_answers(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		random_state = seed * 2654435761u;
		up(2 + draw(3));
		for (unsigned step = 0; step < 300; step++) {
			size_t i = draw(lab.n);

			switch (draw(6)) {
			case 0:
				signals_unanswered(&signals[i], lab.now_ms);
				break;
			case 1:
				refuses(i, draw(1000));
				refuses(i, draw(1000));
				answered[i]++;
				break;
			case 2:
				refuses(i, draw(2));
				answered[i]++;
				break;
			case 3:
				answers_http(i, 20 + draw(20), draw(20));
				break;
			case 4:
				check_ends(i, PROBE_OK, draw(2000));
				break;
			case 5:
				ms(draw(1500));
			}
			if (draw(4) == 0)
				second();
			for (size_t k = 0; k < lab.n; k++)
				if (lab.runs[k].out || lab.runs[k].effective < 100 || lab.runs[k].hard_down)
					fail_msg("seed %u, step %u: server %zu is out", seed, step, k);
		}
	}
}

/* Servers that do refuse, checks that end anyhow: some are always picked, and none is hard down without a check. */
static void random_refusals(void **state)
{
	unsigned out = 0, hard = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 500; seed++) {
		bool refused[MOST] = {0};

		random_state = seed * 2654435761u;
		up(1 + draw(4));
		signals_conf.checked = draw(4);
		for (unsigned step = 0; step < 200; step++) {
			size_t i = draw(lab.n);
			uint64_t picks = 0;
			bool answers = false;

			if (draw(3)) {
				refuses(i, draw(5));
			} else if (draw(2)) {
				bool refuses_too = draw(2);

				refused[i] |= refuses_too;
				check_ends(i, refuses_too ? PROBE_REFUSED : PROBE_OK, 0);
			} else {
				ms(draw(20) ? draw(300) : draw(20000));
			}
			for (size_t k = 0; k < lab.n; k++) {
				picks += lab.runs[k].effective;
				answers |= lab.health[k].tcp_answers;
				out += lab.runs[k].out;
				hard += lab.runs[k].hard_down;
				if (lab.runs[k].hard_down && !refused[k])
					fail_msg("seed %u, step %u: hard down by packets alone", seed, step);
			}
			if (!picks && answers)
				fail_msg("seed %u, step %u: nobody is picked while one answers", seed, step);
		}
	}
	assert_true(out > 1000 && hard > 1000);
}

static void handshakes_in_figures(void **state)
{
	struct muster_signals times = {0};

	(void)state;
	assert_int_equal(signals_handshake_us(&times, 50), 0);
	times.handshake[0] = 60;
	times.handshake[4] = 39;
	times.handshake[15] = 1;
	assert_int_equal(signals_handshake_us(&times, 50), 64);
	assert_int_equal(signals_handshake_us(&times, 61), 1024);
	assert_int_equal(signals_handshake_us(&times, 99), 1024);
	assert_int_equal(signals_handshake_us(&times, 100), SIGNALS_HANDSHAKE_LONGEST_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_clients_refused_are_enough),
		cmocka_unit_test(one_client_often_is_one_client),
		cmocka_unit_test(the_first_refusal_asks_a_check_that_confirms),
		cmocka_unit_test(a_check_that_began_before_says_nothing),
		cmocka_unit_test(a_check_that_is_answered_brings_back_at_once),
		cmocka_unit_test(a_confirmed_one_is_held),
		cmocka_unit_test(who_answers_others_does_not_refuse),
		cmocka_unit_test(old_refusals_are_no_row),
		cmocka_unit_test(a_v6_client_is_its_network),
		cmocka_unit_test(where_clients_choose_the_port_only_checks_decide),
		cmocka_unit_test(with_nobody_to_ask_it_stands_and_is_held),
		cmocka_unit_test(the_last_one_stays),
		cmocka_unit_test(packets_alone_keep_to_the_limit),
		cmocka_unit_test(syns_sent_again_only_ask),
		cmocka_unit_test(what_no_event_told_is_asked_about),
		cmocka_unit_test(who_errs_alone_is_at_its_floor),
		cmocka_unit_test(all_alike_is_the_applications_fault),
		cmocka_unit_test(when_the_rest_errs_too_nobody_stands_out),
		cmocka_unit_test(few_responses_and_few_clients_say_nothing),
		cmocka_unit_test(chance_is_no_fault),
		cmocka_unit_test(nobody_ejects_a_server_that_answers),
		cmocka_unit_test(random_refusals),
		cmocka_unit_test(handshakes_in_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
