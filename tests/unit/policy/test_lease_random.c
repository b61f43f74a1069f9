// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What holds in every history of orders over weeks: agents that are killed, reboots, clocks that are set, machines that
 * sleep. Each order's true end is kept beside, by nothing but the time that really went by. 1,000 random histories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/lease.h"
#include "policy/pool.h"
#include "policy/recall.h"
#include "state.h"

#define HISTORIES 1000
#define EVENTS    120
#define MOST      4
#define ORDERS    64
#define TICK_MS   500LL
#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define WALL      1800000000000LL

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)random_state * below) >> 32);
}

static struct history {
	unsigned seed;
	int event;
	/* the world */
	int64_t real_ms, booted_ms, skew_ms; /* what went by; when this boot began; of the wall clock */
	unsigned boots;
	size_t n;
	bool answers[MOST]; /* what is true of each server */
	/* the agent */
	struct state *state;
	struct pool_run run;
	struct pool_member members[MOST];
	struct pool_member_run runs[MOST];
	struct health health[MOST];
	/* the truth about the orders in the state */
	struct truth {
		uint64_t id;
		int64_t end_ms; /* of real time; INT64_MAX: none */
	} truth[ORDERS];
	size_t n_truths;
	int64_t saved_ms; /* real time of the last save */
	/* how much of everything happened */
	unsigned ended, warned, overdue, reminded, recalled, behind, killed;
} h;

static const struct check_conf check = {.type = CHECK_TCP, .interval_ms = 1000, .rise = 1, .fall = 2};
static const struct pool_conf conf = {.max_out_pct = 50, .hold_ms = 10000, .hold_max_ms = 300000};
static const char *const names[MOST] = {"web-01", "web-02", "web-03", "web-04"};

#define holds(what, ...)                                                                                               \
	do {                                                                                                           \
		if (!(what))                                                                                           \
			fail_msg("history %u, event %d: " __VA_ARGS__);                                                \
	} while (0)

static struct lease_clock now(void)
{
	struct lease_clock clock = {.now_ms = h.real_ms - h.booted_ms, .wall_ms = WALL + h.real_ms + h.skew_ms};

	snprintf(clock.boot_id, sizeof(clock.boot_id), "boot %u", h.boots);
	return clock;
}

static struct truth *truth_of(uint64_t id)
{
	for (size_t i = 0; i < h.n_truths; i++)
		if (h.truth[i].id == id)
			return &h.truth[i];
	fail_msg("history %u: order %llu came from nowhere", h.seed, (unsigned long long)id);
	return NULL;
}

static void save(void)
{
	struct lease_clock clock = now();

	leases_rebase(h.state->orders, h.state->n_orders, &clock, &h.state->wall_saved_ms);
	h.saved_ms = h.real_ms;
}

static size_t server_of(const struct order *order)
{
	for (size_t i = 0; i < h.n; i++)
		if (!strcmp(names[i], order->server))
			return i;
	return 0;
}

static void drop(size_t at)
{
	struct truth *truth = truth_of(h.state->orders[at].id);

	*truth = h.truth[--h.n_truths];
	state_drop_order(h.state, at);
}

/* A server is declared with 10; what its orders leave. */
static uint32_t allowed(size_t i)
{
	return lease_allowed_for(h.state->orders, h.state->n_orders, "web", names[i], 10);
}

static void recall(void)
{
	struct lease_clock clock = now();
	struct recall recall;
	bool may[MOST];

	for (size_t i = 0; i < h.n; i++)
		may[i] = lease_may_recall(h.state->orders, h.state->n_orders, "web", names[i], 10);
	while (recall_needed(h.members, h.n, may, 0, &recall)) {
		for (size_t k = 0; k < h.state->n_orders; k++)
			if (server_of(&h.state->orders[k]) == recall.back && lease_recallable(&h.state->orders[k]))
				lease_suspend(&h.state->orders[k], "short", &clock);
		holds(allowed(recall.back) > 0, "a recall left its server out", h.seed, h.event);
		h.members[recall.back].allowed = allowed(recall.back);
		may[recall.back] = false;
		h.recalled++;
	}
}

static void weigh(void)
{
	uint64_t picks = 0;
	bool answers = false, out = false;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < h.n; i++) {
			h.members[i].allowed = allowed(i);
			h.members[i].ordered =
				lease_acting(h.state->orders, h.state->n_orders, "web", names[i]) != NULL;
		}
		pool_weigh(&conf, &h.run, h.members, h.n, h.real_ms);
		if (!round)
			recall();
	}
	for (size_t i = 0; i < h.n; i++) {
		picks += h.runs[i].effective;
		answers |= h.members[i].allowed && h.health[i].tcp_answers;
		out |= !h.members[i].allowed && h.health[i].state == HEALTH_UP &&
		       lease_may_recall(h.state->orders, h.state->n_orders, "web", names[i], 10);
		holds(h.runs[i].effective <= 100 * h.members[i].allowed, "%s has more than its orders leave", h.seed,
		      h.event, names[i]);
	}
	holds(picks || !answers, "nobody is picked while an allowed server answers TCP", h.seed, h.event);
	for (size_t i = 0; i < h.n && !picks; i++)
		holds(!out || !h.members[i].allowed || h.health[i].state == HEALTH_UNKNOWN,
		      "nobody is picked, and a healthy server is out by a drain that could be recalled", h.seed,
		      h.event);
}

/* An order's time is over: when, by the truth, and what may keep its server out. */
static void assert_end(const struct order *order, int64_t since_ms)
{
	const struct truth *truth = truth_of(order->id);
	int64_t late_ms = h.real_ms - MAX(truth->end_ms, since_ms);

	holds(truth->end_ms <= h.real_ms, "%s's order ended %lld ms too early", h.seed, h.event, order->server,
	      (long long)(truth->end_ms - h.real_ms));
	holds(order->overdue || late_ms <= 1000, "%s's order ended %lld ms too late", h.seed, h.event, order->server,
	      (long long)late_ms);
	h.ended++;
}

/* One turn of the agent's clock; `since_ms`: when it began to be able to see the time. */
static void tick(int64_t since_ms)
{
	struct lease_clock clock = now();
	bool changed = false;

	for (size_t i = h.state->n_orders; i-- > 0;) {
		struct order *order = &h.state->orders[i];
		const struct health *health = &h.health[server_of(order)];
		enum lease_due due;

		while ((due = lease_step(order, health, &clock, h.state->wall_saved_ms)) != LEASE_NOTHING) {
			changed = true;
			h.warned += due == LEASE_WARN;
			h.reminded += due == LEASE_REMIND;
			h.overdue += due == LEASE_OVERDUE;
			h.killed += due == LEASE_KILL;
			order->killed |= due == LEASE_KILL;
			if (due != LEASE_OVER)
				continue;
			assert_end(order, since_ms);
			drop(i);
			break;
		}
	}
	weigh();
	for (size_t i = 0; i < h.state->n_orders; i++) {
		const struct order *order = &h.state->orders[i];
		enum health_state health = h.health[server_of(order)].state;
		int64_t left_ms = lease_left_ms(order, &clock, h.state->wall_saved_ms);

		holds(left_ms <= 7 * DAY_MS || lease_endless(order), "an order has %lld ms left", h.seed, h.event,
		      (long long)left_ms);
		holds(h.real_ms < truth_of(order->id)->end_ms || (order->overdue && health == HEALTH_DOWN) ||
			      health == HEALTH_UNKNOWN,
		      "%s's order is over, but stands", h.seed, h.event, order->server);
	}
	if (changed)
		save();
}

/* When something is due next, by the agent's own book; at most `to_ms`. */
static int64_t next_due(int64_t to_ms)
{
	struct lease_clock clock = now();

	for (size_t i = 0; i < h.state->n_orders; i++) {
		const struct order *o = &h.state->orders[i];
		int64_t left_ms = lease_left_ms(o, &clock, h.state->wall_saved_ms), stood_ms = o->length_ms - left_ms;
		int64_t due_ms = lease_endless(o) ? LEASE_REMIND_MS - stood_ms % LEASE_REMIND_MS
				 : o->warned      ? left_ms
						  : left_ms - o->term_ms / 100 * (100 - LEASE_WARN_PCT);

		if (o->kill_after_ms && !o->killed && o->kill_after_ms > stood_ms)
			due_ms = MIN(due_ms, o->kill_after_ms - stood_ms);
		if (due_ms > 0)
			to_ms = MIN(to_ms, h.real_ms + due_ms);
	}
	return to_ms;
}

/* The agent lives through this time. Between the ticks at which something is due it only saves, each minute. */
static void live(int64_t ms)
{
	int64_t end_ms = h.real_ms + ms, phase_ms = draw(TICK_MS);

	while (h.real_ms < end_ms) {
		int64_t due_ms = next_due(end_ms);
		int64_t at_ms = MIN(end_ms, (due_ms - phase_ms + TICK_MS - 1) / TICK_MS * TICK_MS + phase_ms);
		int64_t minute_ms = at_ms / MINUTE_MS * MINUTE_MS;

		if (minute_ms > h.real_ms) {
			h.real_ms = minute_ms;
			save();
		}
		h.real_ms = MAX(at_ms, h.real_ms + 1);
		tick(INT64_MIN);
	}
}

static void checked(size_t i)
{
	struct probe_result result = {.outcome = h.answers[i] ? PROBE_OK : PROBE_REFUSED};

	for (unsigned k = 0; k < check.fall; k++)
		health_step(&h.health[i], &check, &result, HEALTH_HEARD_NOTHING, h.real_ms);
}

static void adopt_health(bool known)
{
	for (size_t i = 0; i < h.n; i++) {
		enum health_state was = h.health[i].state;

		h.runs[i] = (struct pool_member_run){.effective = known ? h.runs[i].effective : 0};
		health_adopt(&h.health[i], known ? was : HEALTH_UNKNOWN, h.real_ms);
		h.members[i] = (struct pool_member){.declared = 10, .health = &h.health[i], .run = &h.runs[i]};
	}
	h.run = (struct pool_run){0};
}

static int64_t real_end(int64_t for_ms)
{
	return for_ms >= LEASE_ENDLESS_MS ? INT64_MAX : h.real_ms + for_ms;
}

static int64_t some_time(void)
{
	static const int64_t most[] = {MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS};

	return 1000 + (int64_t)draw(1000) * (most[draw(4)] - 1000) / 1000;
}

static void order_is_given(void)
{
	int64_t for_ms = draw(8) ? some_time() : LEASE_ENDLESS_MS;
	struct order order = {.id = h.state->next_id, .kind = draw(3), .weight = draw(20), .no_recall = !draw(4)};
	struct lease_clock clock = now();

	if (h.state->n_orders == ORDERS)
		return;
	order.owner_uid = 1000 + draw(3);
	order.kill_after_ms = draw(3) ? 0 : MAX(MIN(for_ms, DAY_MS) / 2, 1);
	strcpy(order.service, "web");
	strcpy(order.server, names[draw(h.n)]);
	lease_start(&order, for_ms, &clock);
	assert_int_equal(state_add_order(h.state, &order), 0);
	h.truth[h.n_truths++] = (struct truth){order.id, real_end(for_ms)};
	save();
}

static void server_is_returned(void)
{
	size_t picked[ORDERS];
	size_t n = lease_select(h.state->orders, h.state->n_orders, "web", names[draw(h.n)], 1000 + draw(3), !draw(3),
				picked, NULL);

	while (n--)
		drop(picked[n]);
	save();
}

static void order_is_extended(void)
{
	struct lease_clock clock = now();
	int64_t for_ms = some_time();
	struct order *order;

	if (!h.state->n_orders)
		return;
	order = &h.state->orders[draw(h.state->n_orders)];
	if (lease_endless(order) || for_ms <= lease_left_ms(order, &clock, h.state->wall_saved_ms))
		return;
	lease_extend(order, for_ms, &clock, h.state->wall_saved_ms);
	truth_of(order->id)->end_ms = real_end(for_ms);
	save();
}

/* The state goes through the disk and back. */
static void reread(void)
{
	_cleanup_(freep) char *text = state_format(h.state);
	char why[256];

	assert_non_null(text);
	state_free(&h.state);
	if (state_parse(text, &h.state, why, sizeof(why)))
		fail_msg("history %u: the state cannot be read back: %s", h.seed, why);
}

/* A restart at this very moment: every order has as much left as before, and everybody their weight. */
static void agent_is_restarted(void)
{
	struct lease_clock clock = now();
	uint32_t effective[MOST];
	int64_t left_ms[ORDERS];

	tick(INT64_MIN);
	for (size_t i = 0; i < h.n; i++)
		effective[i] = allowed(i);
	for (size_t i = 0; i < h.state->n_orders; i++)
		left_ms[i] = lease_left_ms(&h.state->orders[i], &clock, h.state->wall_saved_ms);
	reread();
	adopt_health(true);
	for (size_t i = 0; i < h.state->n_orders; i++)
		holds(left_ms[i] == lease_left_ms(&h.state->orders[i], &clock, h.state->wall_saved_ms),
		      "a restart changes what is left", h.seed, h.event);
	for (size_t i = 0; i < h.n; i++)
		holds(effective[i] == allowed(i), "a restart changes what %s is allowed", h.seed, h.event, names[i]);
	tick(INT64_MIN);
}

static void agent_is_dead_for_a_while(void)
{
	reread();
	h.real_ms += some_time();
	adopt_health(true);
	tick(h.real_ms);
}

/* The wall clock after it: right, set forward, or far behind. Only that it is behind is known, not by how much. */
static void machine_reboots(void)
{
	int64_t saved_wall_ms = h.state->wall_saved_ms, lost_ms, wall_ms;

	reread();
	h.real_ms += draw(2) ? some_time() : 1000;
	h.booted_ms = h.real_ms;
	h.boots++;
	h.real_ms += 1000 + draw(60000);
	if (!draw(3))
		h.skew_ms -= (int64_t)draw(1000) * DAY_MS;
	wall_ms = now().wall_ms;
	h.behind += wall_ms < saved_wall_ms;
	lost_ms = wall_ms < saved_wall_ms ? h.real_ms - h.booted_ms : wall_ms - saved_wall_ms;
	for (size_t i = 0; i < h.n_truths; i++)
		if (h.truth[i].end_ms != INT64_MAX)
			h.truth[i].end_ms += h.real_ms - h.saved_ms - lost_ms;
	save();
	adopt_health(false);
	tick(h.real_ms);
	for (size_t i = 0; i < h.n; i++)
		checked(i);
	tick(h.real_ms);
}

static void clock_is_set(void)
{
	h.skew_ms += ((int64_t)draw(200) - 100) * HOUR_MS;
	tick(INT64_MIN);
	save();
}

static void machine_sleeps(void)
{
	h.real_ms += some_time();
	tick(h.real_ms);
}

static void server_changes(void)
{
	size_t i = draw(h.n);

	h.answers[i] = !h.answers[i];
	checked(i);
	tick(h.real_ms);
}

static void something_happens(void)
{
	static void (*const what[])(void) = {order_is_given,     order_is_given,    order_is_given,
					     server_is_returned, order_is_extended, agent_is_restarted,
					     server_changes,     server_changes,    machine_reboots,
					     clock_is_set,       machine_sleeps,    agent_is_dead_for_a_while};

	what[draw(ARRAY_SIZE(what))]();
	weigh();
}

static void begin(unsigned seed)
{
	struct history sums = h;
	char why[64];

	h = (struct history){.seed = seed, .n = 2 + draw(MOST - 1), .real_ms = DAY_MS};
	h.ended = sums.ended, h.warned = sums.warned, h.overdue = sums.overdue, h.reminded = sums.reminded;
	h.recalled = sums.recalled, h.behind = sums.behind, h.killed = sums.killed;
	assert_int_equal(state_parse(NULL, &h.state, why, sizeof(why)), 0);
	adopt_health(false);
	for (size_t i = 0; i < h.n; i++) {
		h.answers[i] = true;
		checked(i);
	}
	save();
}

static void random_histories(void **state)
{
	int64_t weeks = 0;

	(void)state;
	for (unsigned seed = 1; seed <= HISTORIES; seed++) {
		random_state = seed * 2654435761u;
		begin(seed);
		for (h.event = 0; h.event < EVENTS; h.event++) {
			something_happens();
			live(1 + draw(4) * draw(4 * 3600) * 1000LL);
		}
		weeks += h.real_ms / (7 * DAY_MS);
		state_free(&h.state);
	}
	print_message("# %lld weeks: %u orders ended, %u warnings, %u overdue, %u reminders, %u recalls, %u resets, "
		      "%u boots with the clock behind\n",
		      (long long)weeks, h.ended, h.warned, h.overdue, h.reminded, h.recalled, h.killed, h.behind);
	assert_true(h.ended > 10000 && h.warned > 10000 && h.overdue > 500 && h.reminded > 1000);
	assert_true(h.recalled > 1000 && h.behind > 500 && h.killed > 500 && weeks > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
