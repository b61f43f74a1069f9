// SPDX-License-Identifier: GPL-2.0-or-later
/* The book of alerts, with a simulated clock: told, repeated, escalated, acknowledged, flapping, owed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "alerts/book.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* A world of receivers that take everything at once, and what they took. */
struct world {
	struct config config;
	struct receiver_conf receivers[8];
	struct book *book;
	int64_t now_ms;
	unsigned pages[8], ends[8];
	bool away[8]; /* takes nothing */
};

static struct world world_of(size_t n)
{
	static const char *const names[] = {"first", "second", "third",   "fourth",
					    "fifth", "sixth",  "seventh", "eighth"};
	struct world world = {.config = {.alerts = {.repeat_ms = 10 * MINUTE, .flap_ms = 5 * MINUTE}},
			      .now_ms = 1000 * HOUR};

	for (size_t i = 0; i < n; i++) {
		snprintf(world.receivers[i].name, sizeof(world.receivers[i].name), "%s", names[i]);
		world.receivers[i].step = (uint32_t)i + 1;
		world.receivers[i].least = ALERT_WARNING;
	}
	world.config.n_receivers = n;
	assert_int_equal(book_new(&world.book), 0);
	return world;
}

static struct book_view view_of(struct world *world)
{
	world->config.receivers = world->receivers;
	return (struct book_view){
		.config = &world->config, .now_ms = world->now_ms, .wall_ms = world->now_ms + 1000000 * HOUR};
}

static size_t index_of(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->config.n_receivers; i++)
		if (!strcmp(world->receivers[i].name, name))
			return i;
	fail_msg("nobody is called %s", name);
	return 0;
}

static void step(struct world *world)
{
	struct book_view view = view_of(world);
	struct alert_post *post;
	struct alert *alert;

	book_step(world->book, &view);
	while (book_next_post(world->book, &world->config, world->now_ms, &alert, &post)) {
		size_t i = index_of(world, post->receiver);
		bool page = post->owes_page;

		world->pages[i] += page && !world->away[i];
		world->ends[i] += !page && !world->away[i];
		book_posted(world->book, alert->id, world->receivers[i].name, page,
			    world->away[i] ? BOOK_FAILED : BOOK_TAKEN, 0, world->away[i] ? "away" : "", world->now_ms);
	}
}

/* In steps of the tick. */
static void pass(struct world *world, int64_t ms)
{
	for (int64_t end = world->now_ms + ms; world->now_ms < end;) {
		world->now_ms += 500;
		step(world);
	}
}

static struct alert *raise_on(struct world *world, const char *server)
{
	struct book_view view = view_of(world);

	assert_int_equal(book_raise(world->book, &view, ALERT_SERVER_DOWN, "web", server, "refused"), 0);
	return book_find(world->book, ALERT_SERVER_DOWN, "web", server);
}

static void end_on(struct world *world, const char *server)
{
	struct book_view view = view_of(world);

	book_end(world->book, &view, book_find(world->book, ALERT_SERVER_DOWN, "web", server));
}

static void a_new_alert_is_told_at_once_and_its_end(void **state)
{
	struct world world = world_of(2);

	(void)state;
	raise_on(&world, "web-02");
	step(&world);
	assert_int_equal(world.pages[0], 1);
	assert_int_equal(world.pages[1], 0);
	pass(&world, MINUTE);
	raise_on(&world, "web-02"); /* said again: it still stands */
	pass(&world, MINUTE);
	assert_int_equal(world.pages[0], 1);
	end_on(&world, "web-02");
	step(&world);
	assert_int_equal(world.ends[0], 1);
	assert_int_equal(world.ends[1], 0); /* who was not told of it is not told its end */
	pass(&world, 6 * MINUTE);
	assert_int_equal(world.book->n, 0);
	book_free(&world.book);
}

static void unacknowledged_it_is_told_again_and_to_the_next_step(void **state)
{
	struct world world = world_of(3);

	(void)state;
	world.receivers[2].step = 7; /* steps may have gaps */
	raise_on(&world, "web-02");
	pass(&world, 9 * MINUTE);
	assert_int_equal(world.pages[0], 1);
	pass(&world, 2 * MINUTE);
	assert_int_equal(world.pages[0], 2);
	assert_int_equal(world.pages[1], 1);
	assert_int_equal(world.pages[2], 0);
	pass(&world, 10 * MINUTE);
	assert_int_equal(world.pages[2], 1);
	pass(&world, 2 * HOUR);
	assert_int_equal(world.pages[0], 3 + 12);
	assert_int_equal(world.pages[2], 1 + 12);
	book_free(&world.book);
}

static void an_acknowledgement_is_a_lease(void **state)
{
	struct world world = world_of(2);
	struct alert *alert = raise_on(&world, "web-02");

	(void)state;
	pass(&world, MINUTE);
	book_ack(world.book, alert, "alice (uid 1000)", HOUR, world.now_ms);
	pass(&world, HOUR - SECOND);
	assert_int_equal(world.pages[0], 1);
	assert_int_equal(world.pages[1], 0);
	pass(&world, 2 * SECOND);
	assert_int_equal(world.pages[0], 2);
	assert_int_equal(world.pages[1], 1);
	book_ack(world.book, alert, "alice (uid 1000)", 100 * HOUR, world.now_ms);
	pass(&world, 24 * HOUR + SECOND);
	assert_int_equal(world.pages[0], 3); /* 24 h at most */
	book_free(&world.book);
}

static void a_flap_makes_one_page_in_five_minutes(void **state)
{
	struct world world = world_of(1);

	(void)state;
	world.config.alerts.repeat_ms = 0;
	for (int second = 0; second < 3600; second += 10) {
		raise_on(&world, "web-02");
		pass(&world, 5 * SECOND);
		end_on(&world, "web-02");
		pass(&world, 5 * SECOND);
	}
	if (world.pages[0] < 6 || world.pages[0] > 12)
		fail_msg("%u pages in an hour of flapping", world.pages[0]);
	assert_int_equal(world.ends[0], world.pages[0]);
	book_free(&world.book);
}

static void two_that_flap_under_one_rule_share_the_page_but_a_new_one_is_told(void **state)
{
	static const char *const servers[] = {"web-01", "web-02", "web-03"};
	struct world world = world_of(1);

	(void)state;
	world.config.alerts.repeat_ms = 0;
	for (int second = 0; second < 3600; second += 10) {
		for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
			raise_on(&world, servers[i]);
		pass(&world, 5 * SECOND);
		for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
			end_on(&world, servers[i]);
		pass(&world, 5 * SECOND);
	}
	if (world.pages[0] < 3 + 5 || world.pages[0] > 3 + 12)
		fail_msg("%u pages in an hour of three that flap", world.pages[0]);
	world.pages[0] = 0;
	raise_on(&world, "web-04");
	step(&world);
	assert_int_equal(world.pages[0], 1);
	book_free(&world.book);
}

static void one_that_came_back_and_stays_is_told(void **state)
{
	struct world world = world_of(1);

	(void)state;
	raise_on(&world, "web-02");
	pass(&world, SECOND);
	end_on(&world, "web-02");
	pass(&world, SECOND);
	raise_on(&world, "web-02");
	pass(&world, 4 * MINUTE);
	assert_int_equal(world.pages[0], 1);
	pass(&world, MINUTE);
	assert_int_equal(world.pages[0], 2);
	assert_int_equal(book_find(world.book, ALERT_SERVER_DOWN, "web", "web-02")->times, 2);
	book_free(&world.book);
}

static void who_is_away_is_told_when_it_is_back_even_when_all_is_over(void **state)
{
	struct world world = world_of(2);

	(void)state;
	world.receivers[1].step = 1;
	world.away[0] = true;
	raise_on(&world, "web-02");
	pass(&world, MINUTE);
	assert_int_equal(world.pages[1], 1);
	end_on(&world, "web-02");
	pass(&world, 23 * HOUR);
	assert_int_equal(world.pages[0] + world.ends[0], 0);
	world.away[0] = false;
	pass(&world, 6 * MINUTE);
	assert_int_equal(world.pages[0], 1);
	assert_int_equal(world.ends[0], 1);
	assert_int_equal(world.book->n, 0);
	assert_int_equal(world.book->lost, 0);
	world.away[0] = true;
	raise_on(&world, "web-02");
	step(&world);
	end_on(&world, "web-02");
	pass(&world, 25 * HOUR);
	assert_int_equal(world.book->n, 0);
	assert_int_equal(world.book->lost, 1);
	book_free(&world.book);
}

static void waits_grow_and_end_at_five_minutes(void **state)
{
	struct world world = world_of(1);
	struct receiver_run *run;

	(void)state;
	world.away[0] = true;
	raise_on(&world, "web-02");
	step(&world);
	run = book_run(world.book, "first");
	assert_int_equal(run->failures, 1);
	assert_int_equal(run->next_ms, world.now_ms + SECOND);
	pass(&world, 8 * SECOND);
	assert_int_equal(run->failures, 4); /* after 1, 2 and 4 s */
	pass(&world, 10 * HOUR);
	assert_in_range(run->failures, 4 + 115, 10 + 121);
	book_free(&world.book);
}

static void severities_and_strangers(void **state)
{
	struct world world = world_of(2);
	struct book_view view = view_of(&world);

	(void)state;
	world.receivers[0].least = ALERT_CRITICAL;
	world.receivers[1].step = 1;
	raise_on(&world, "web-02");
	step(&world);
	assert_int_equal(world.pages[0], 0);
	assert_int_equal(world.pages[1], 1);
	book_raise(world.book, &view, ALERT_FAIL_OPEN, "web", "", "all are short");
	step(&world);
	assert_int_equal(world.pages[0], 1);
	/* A receiver is not told of its own failure: by itself it would never hear of it. */
	book_raise(world.book, &view, ALERT_RECEIVER_FAILING, "", "second", "away");
	step(&world);
	assert_int_equal(world.pages[1], 2);
	world.config.n_receivers = 1;
	end_on(&world, "web-02");
	pass(&world, 6 * MINUTE);
	assert_null(book_find(world.book, ALERT_SERVER_DOWN, "web", "web-02"));
	book_free(&world.book);
}

static void a_round_ends_what_is_not_said(void **state)
{
	struct world world = world_of(1);
	struct book_view view = view_of(&world);
	struct alert *alert;

	(void)state;
	raise_on(&world, "web-01");
	raise_on(&world, "web-02");
	book_raise(world.book, &view, ALERT_NOT_CARRIED, "web", "web-02", "by web-01 alone");
	book_round_begin(world.book);
	raise_on(&world, "web-01");
	book_round_end(world.book, &view);
	assert_false(book_find(world.book, ALERT_SERVER_DOWN, "web", "web-01")->over);
	assert_true(book_find(world.book, ALERT_SERVER_DOWN, "web", "web-02")->over);
	assert_false(book_find(world.book, ALERT_NOT_CARRIED, "web", "web-02")
			     ->over); /* of the journal: it has an end line */
	book_round_begin(world.book);
	book_keep(world.book, ALERT_SERVER_DOWN, "web", "web-01");
	book_round_end(world.book, &view);
	assert_false(book_find(world.book, ALERT_SERVER_DOWN, "web", "web-01")->over);
	book_raise(world.book, &view, ALERT_PACKETS_LOST, "web", "", "no neighbour");
	alert = book_find(world.book, ALERT_PACKETS_LOST, "web", "");
	pass(&world, 9 * MINUTE);
	assert_false(alert->over);
	pass(&world, 2 * MINUTE);
	assert_true(alert->over);
	book_free(&world.book);
}

static void one_that_fails_does_not_hold_up_the_rest(void **state)
{
	struct world world = world_of(4);
	struct alert_post *post;
	struct alert *alert;
	bool seen[4] = {};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		world.receivers[i].step = 1;
		world.receivers[i].type = RECEIVER_EXEC;
	}
	raise_on(&world, "web-02");
	world.away[0] = world.away[1] = world.away[2] = true;
	step(&world);
	raise_on(&world, "web-03");
	world.now_ms += 10 * MINUTE;
	(void)view_of(&world);
	book_step(world.book, &(struct book_view){.config = &world.config, .now_ms = world.now_ms});
	/* Nothing comes back now: the one that works is first, of those that failed two are tried. */
	for (int i = 0; book_next_post(world.book, &world.config, world.now_ms, &alert, &post); i++) {
		if (i == 0)
			assert_string_equal(post->receiver, "fourth");
		assert_in_range(i, 0, 2);
		assert_false(seen[index_of(&world, post->receiver)]); /* one at a time for each */
		seen[index_of(&world, post->receiver)] = true;
	}
	assert_true(seen[3]);
	book_free(&world.book);
}

/* What is owed now, none of which comes back: how many deliveries begin. */
static size_t begun(struct world *world)
{
	struct book_view view = view_of(world);
	struct alert_post *post;
	struct alert *alert;
	size_t n = 0;

	book_step(world->book, &view);
	while (book_next_post(world->book, &world->config, world->now_ms, &alert, &post))
		n++;
	return n;
}

static void however_many_hang_the_rest_are_told(void **state)
{
	struct world world = world_of(8);

	(void)state;
	for (size_t i = 0; i < 8; i++)
		world.receivers[i].step = 1;
	world.receivers[7].least = ALERT_CRITICAL;
	raise_on(&world, "web-02");
	assert_int_equal(begun(&world), 7); /* seven hang, for the first time */
	world.receivers[7].least = ALERT_WARNING;
	raise_on(&world, "web-03");
	assert_int_equal(begun(&world), 1); /* the eighth is told nevertheless */
	book_free(&world.book);
}

static void four_programs_run_at_once(void **state)
{
	struct world world = world_of(8);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		world.receivers[i].step = 1;
		world.receivers[i].type = i < 6 ? RECEIVER_EXEC : RECEIVER_SLACK;
	}
	raise_on(&world, "web-02");
	assert_int_equal(begun(&world), 6);
	assert_false(book_run(world.book, "fifth")->busy);
	assert_true(book_run(world.book, "seventh")->busy && book_run(world.book, "eighth")->busy);
	book_posted(world.book, world.book->alerts[0]->id, "first", true, BOOK_TAKEN, 0, "", world.now_ms);
	assert_int_equal(begun(&world), 1);
	assert_true(book_run(world.book, "fifth")->busy);
	book_free(&world.book);
}

static void a_rejected_message_lets_the_others_pass(void **state)
{
	struct world world = world_of(1);
	struct alert_post *post;
	struct alert *first, *alert;

	(void)state;
	first = raise_on(&world, "web-01");
	raise_on(&world, "web-02");
	(void)view_of(&world);
	book_step(world.book, &(struct book_view){.config = &world.config, .now_ms = world.now_ms});
	assert_true(book_next_post(world.book, &world.config, world.now_ms, &alert, &post));
	assert_ptr_equal(alert, first);
	book_posted(world.book, alert->id, "first", true, BOOK_REJECTED, 0, "HTTP 400", world.now_ms);
	world.now_ms += 2 * SECOND;
	assert_true(book_next_post(world.book, &world.config, world.now_ms, &alert, &post));
	assert_string_equal(alert->server, "web-02");
	book_free(&world.book);
}

static struct lease_clock clock_of(const struct world *world, const char *boot, int64_t boot_age_ms, int64_t wall_ms)
{
	struct lease_clock clock = {.now_ms = boot_age_ms, .wall_ms = wall_ms};

	(void)world;
	snprintf(clock.boot_id, sizeof(clock.boot_id), "%s", boot);
	return clock;
}

static void reborn(struct world *world, const struct lease_clock *saved, const struct lease_clock *now)
{
	_cleanup_(freep) char *text = book_format(world->book, saved);
	char why[128] = "";

	book_free(&world->book);
	if (book_parse(text, now, &world->book, why, sizeof(why)))
		fail_msg("the book does not read what it wrote: %s", why);
	world->now_ms = now->now_ms;
}

static void a_reboot_keeps_the_book(void **state)
{
	struct world world = world_of(1);
	struct alert *alert = raise_on(&world, "web-02");
	int64_t wall_ms = 5000000 * HOUR;
	struct lease_clock before, after;

	(void)state;
	step(&world);
	book_ack(world.book, alert, "alice", HOUR, world.now_ms);
	before = clock_of(&world, "boot-1", world.now_ms, wall_ms);
	/* Same boot: nothing moves. */
	reborn(&world, &before, &before);
	alert = book_by_id(world.book, 1);
	assert_int_equal(alert->acked_until_ms, world.now_ms + HOUR);
	/* Another boot, 20 minutes later. */
	after = clock_of(&world, "boot-2", 30 * SECOND, wall_ms + 20 * MINUTE);
	reborn(&world, &before, &after);
	alert = book_by_id(world.book, 1);
	assert_int_equal(alert->acked_until_ms, 30 * SECOND + 40 * MINUTE);
	assert_string_equal(alert->acked_by, "alice");
	assert_true(alert->posts[0].told);
	pass(&world, 39 * MINUTE);
	assert_int_equal(world.pages[0], 1);
	pass(&world, 2 * MINUTE);
	assert_int_equal(world.pages[0], 2);
	/* Another one, and the wall clock went back: what was left goes on. */
	alert = book_by_id(world.book, 1);
	book_ack(world.book, alert, "alice", HOUR, world.now_ms);
	before = clock_of(&world, "boot-2", world.now_ms, wall_ms);
	after = clock_of(&world, "boot-3", SECOND, wall_ms - 1000 * HOUR);
	reborn(&world, &before, &after);
	assert_int_equal(book_by_id(world.book, 1)->acked_until_ms, SECOND + HOUR);
	book_free(&world.book);
}

static void damaged_books_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"{}",
		"[]",
		"{\"schema\":2}",
		"{\"schema\":1,\"next_id\":1,\"journal_seq\":1,\"lost\":0,\"alerts\":[{}]}",
		"{\"schema\":1,\"next_id\":1,\"journal_seq\":1,\"lost\":0,\"alerts\":[{\"alert\":"
		"\"server_down\",\"id\":\"x\"}]}"};
	struct lease_clock clock = {0};
	struct book *book = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char why[128] = "";

		assert_int_equal(book_parse(texts[i], &clock, &book, why, sizeof(why)), -EINVAL);
		assert_true(*why);
	}
}

/* Four weeks of a random world, with restarts: whoever is there for an hour hears of everything that stands for so long. */
static void weeks_of_random(void **state)
{
	struct world world = world_of(3);
	int64_t stood_ms[5] = {0}, wall_ms = 5000000 * HOUR;
	unsigned raised = 0;

	(void)state;
	srand(11);
	for (int minute = 0; minute < 4 * 7 * 24 * 60; minute++) {
		for (int i = 0; i < 5; i++) {
			char server[16];

			snprintf(server, sizeof(server), "web-%02d", i);
			if (stood_ms[i] && rand() % 20 == 0) {
				end_on(&world, server);
				stood_ms[i] = 0;
			} else if (!stood_ms[i] && rand() % 300 == 0) {
				raise_on(&world, server);
				stood_ms[i] = world.now_ms;
				raised++;
			}
		}
		for (size_t i = 0; i < 3; i++)
			if (rand() % 30 == 0)
				world.away[i] = rand() % 2;
		if (rand() % 50 == 0) {
			struct lease_clock clock = clock_of(&world, "boot", world.now_ms, wall_ms);

			reborn(&world, &clock, &clock);
		}
		for (int i = 0; i < 12; i++) {
			world.now_ms += 5 * SECOND;
			step(&world);
		}
	}
	memset(world.away, 0, sizeof(world.away));
	for (int i = 0; i < 5; i++) {
		char server[16];

		snprintf(server, sizeof(server), "web-%02d", i);
		if (stood_ms[i])
			end_on(&world, server);
	}
	pass(&world, HOUR);
	assert_int_equal(world.book->n, 0);
	assert_int_equal(world.book->lost, 0);
	/* Flaps share a page; everything else has at least one, and each page of a raise has its end. */
	if (world.pages[0] < raised / 2)
		fail_msg("%u alerts, but %u pages", raised, world.pages[0]);
	assert_in_range(world.ends[0], raised / 2, raised);
	book_free(&world.book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_alert_is_told_at_once_and_its_end),
		cmocka_unit_test(unacknowledged_it_is_told_again_and_to_the_next_step),
		cmocka_unit_test(an_acknowledgement_is_a_lease),
		cmocka_unit_test(a_flap_makes_one_page_in_five_minutes),
		cmocka_unit_test(two_that_flap_under_one_rule_share_the_page_but_a_new_one_is_told),
		cmocka_unit_test(one_that_came_back_and_stays_is_told),
		cmocka_unit_test(who_is_away_is_told_when_it_is_back_even_when_all_is_over),
		cmocka_unit_test(waits_grow_and_end_at_five_minutes),
		cmocka_unit_test(severities_and_strangers),
		cmocka_unit_test(a_round_ends_what_is_not_said),
		cmocka_unit_test(one_that_fails_does_not_hold_up_the_rest),
		cmocka_unit_test(however_many_hang_the_rest_are_told),
		cmocka_unit_test(four_programs_run_at_once),
		cmocka_unit_test(a_rejected_message_lets_the_others_pass),
		cmocka_unit_test(a_reboot_keeps_the_book),
		cmocka_unit_test(damaged_books_are_refused),
		cmocka_unit_test(weeks_of_random),
	};

	return cmocka_run_group_tests_name("alerts/book", tests, NULL, NULL);
}
