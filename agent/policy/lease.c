// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease.h"

/* An end so far away that the sum would wrap is no end. */
static int64_t add_ms(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

static int64_t less_ms(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? INT64_MAX : INT64_MIN;
	return difference;
}

static bool same_boot(const struct order *order, const struct lease_clock *clock)
{
	return strncmp(order->boot_id, clock->boot_id, BOOT_ID_SIZE) == 0;
}

static void this_boot(struct order *order, const struct lease_clock *clock)
{
	memcpy(order->boot_id, clock->boot_id, BOOT_ID_SIZE);
}

void lease_start(struct order *order, int64_t for_ms, const struct lease_clock *clock)
{
	order->wall_start_ms = clock->wall_ms;
	order->wall_end_ms = add_ms(clock->wall_ms, for_ms);
	order->boot_end_ms = add_ms(clock->now_ms, for_ms);
	order->length_ms = order->term_ms = for_ms;
	order->overdue = order->warned = false;
	this_boot(order, clock);
}

/* How long it has stood. */
static int64_t age_ms(const struct order *order, const struct lease_clock *clock, int64_t wall_saved_ms)
{
	return less_ms(order->length_ms, lease_left_ms(order, clock, wall_saved_ms));
}

void lease_extend(struct order *order, int64_t for_ms, const struct lease_clock *clock, int64_t wall_saved_ms)
{
	int64_t stood_ms = age_ms(order, clock, wall_saved_ms), start_ms = order->wall_start_ms;

	lease_start(order, for_ms, clock);
	order->wall_start_ms = start_ms;
	order->length_ms = add_ms(stood_ms, for_ms);
}

void lease_of_old(struct order *order)
{
	if (!order->length_ms)
		order->length_ms = order->term_ms = MAX(less_ms(order->wall_end_ms, order->wall_start_ms), 1);
}

bool lease_endless(const struct order *order)
{
	return order->length_ms >= LEASE_ENDLESS_MS;
}

int64_t lease_left_ms(const struct order *order, const struct lease_clock *clock, int64_t wall_saved_ms)
{
	if (same_boot(order, clock))
		return add_ms(order->boot_end_ms, -clock->now_ms);
	if (clock->wall_ms >= wall_saved_ms)
		return add_ms(order->wall_end_ms, -clock->wall_ms);
	/*
	 * The wall clock went back over the reboot, so it cannot tell how long the machine was off. What was left at
	 * the last save runs on, counted from the start of this boot: never shorter than what really is left.
	 */
	return add_ms(add_ms(order->wall_end_ms, -wall_saved_ms), -clock->now_ms);
}

void lease_rebase(struct order *order, const struct lease_clock *clock, int64_t wall_saved_ms)
{
	int64_t left = lease_left_ms(order, clock, wall_saved_ms);

	order->wall_end_ms = add_ms(clock->wall_ms, left);
	order->boot_end_ms = add_ms(clock->now_ms, left);
	this_boot(order, clock);
}

void leases_rebase(struct order *orders, size_t n, const struct lease_clock *clock, int64_t *wall_saved_ms)
{
	for (size_t i = 0; i < n; i++)
		lease_rebase(&orders[i], clock, *wall_saved_ms);
	/* Even where the clock is behind the last save: every end is told by this clock now. */
	*wall_saved_ms = clock->wall_ms;
}

static enum lease_due ended(struct order *order, const struct health *health)
{
	if (!health || !lease_holds_out(order) || order->suspended)
		return LEASE_OVER;
	if (health->state == HEALTH_UNKNOWN)
		return LEASE_NOTHING;
	if (health->state != HEALTH_DOWN)
		return LEASE_OVER;
	if (order->overdue)
		return LEASE_NOTHING;
	order->overdue = true;
	return LEASE_OVERDUE;
}

enum lease_due lease_step(struct order *order, const struct health *health, const struct lease_clock *clock,
			  int64_t wall_saved_ms)
{
	int64_t left_ms = lease_left_ms(order, clock, wall_saved_ms), stood_ms = less_ms(order->length_ms, left_ms);

	if (order->pending)
		return LEASE_NOTHING;
	if (left_ms <= 0)
		return ended(order, health);
	if (lease_endless(order) && stood_ms / LEASE_REMIND_MS > order->reminders) {
		order->reminders = stood_ms / LEASE_REMIND_MS;
		return LEASE_REMIND;
	}
	if (!lease_endless(order) && !order->warned && left_ms <= order->term_ms / 100 * (100 - LEASE_WARN_PCT)) {
		order->warned = true;
		return LEASE_WARN;
	}
	if (order->kill_after_ms && !order->killed && !order->suspended && stood_ms >= order->kill_after_ms)
		return LEASE_KILL;
	return LEASE_NOTHING;
}

static uint32_t order_weight(const struct order *order)
{
	return order->kind == ORDER_WEIGHT ? order->weight : 0;
}

bool lease_holds_out(const struct order *order)
{
	return order_weight(order) == 0;
}

/* Neither on its way to the disk nor recalled. */
static bool acts(const struct order *order)
{
	return !order->pending && !order->suspended;
}

uint32_t lease_allowed(const struct order *orders, size_t n, uint32_t declared)
{
	uint32_t allowed = declared;
	bool ordered = false;

	/* The first order replaces the declared weight, even by more; from then on the stricter one acts. */
	for (size_t i = 0; i < n; i++) {
		if (!acts(&orders[i]))
			continue;
		allowed = ordered ? MIN(allowed, order_weight(&orders[i])) : order_weight(&orders[i]);
		ordered = true;
	}
	return allowed;
}

static bool order_of(const struct order *order, const char *service, const char *server)
{
	return strcmp(order->service, service) == 0 && strcmp(order->server, server) == 0;
}

/* Whether `a` is stricter than `b`; of two that leave the same weight the graver kind, then the one that ends last. */
static bool stricter(const struct order *a, const struct order *b)
{
	static const int gravity[] = {[ORDER_WEIGHT] = 0, [ORDER_DRAIN] = 1, [ORDER_MAINTENANCE] = 2};

	if (order_weight(a) != order_weight(b))
		return order_weight(a) < order_weight(b);
	if (a->kind != b->kind)
		return gravity[a->kind] > gravity[b->kind];
	return a->wall_end_ms > b->wall_end_ms;
}

const struct order *lease_acting(const struct order *orders, size_t n, const char *service, const char *server)
{
	const struct order *acting = NULL;

	for (size_t i = 0; i < n; i++)
		if (acts(&orders[i]) && order_of(&orders[i], service, server) &&
		    (!acting || stricter(&orders[i], acting)))
			acting = &orders[i];
	return acting;
}

const struct order *lease_other(const struct order *orders, size_t n, const char *service, const char *server,
				uint64_t than)
{
	for (size_t i = 0; i < n; i++)
		if (orders[i].id != than && order_of(&orders[i], service, server))
			return &orders[i];
	return NULL;
}

uint32_t lease_allowed_for(const struct order *orders, size_t n, const char *service, const char *server,
			   uint32_t declared)
{
	const struct order *acting = lease_acting(orders, n, service, server);

	return acting ? order_weight(acting) : declared;
}

size_t lease_select(const struct order *orders, size_t n, const char *service, const char *server, uint32_t uid,
		    bool force, size_t *out, size_t *others)
{
	size_t mine = 0, foreign = 0;

	for (size_t i = 0; i < n; i++) {
		if (!order_of(&orders[i], service, server))
			continue;
		if (force || orders[i].owner_uid == uid)
			out[mine++] = i;
		else
			foreign++;
	}
	if (others)
		*others = foreign;
	return mine;
}

bool lease_recallable(const struct order *order)
{
	return acts(order) && !order->no_recall && order->kind != ORDER_MAINTENANCE && lease_holds_out(order);
}

bool lease_may_recall(const struct order *orders, size_t n, const char *service, const char *server, uint32_t declared)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!acts(&orders[i]) || !order_of(&orders[i], service, server))
			continue;
		if (lease_recallable(&orders[i]))
			any = true;
		else if (lease_holds_out(&orders[i]))
			return false;
	}
	return any && declared;
}

void lease_suspend(struct order *order, const char *why, const struct lease_clock *clock)
{
	size_t length = MIN(strlen(why), sizeof(order->suspended_why) - 1);

	order->suspended = true;
	order->suspended_wall_ms = clock->wall_ms;
	memcpy(order->suspended_why, why, length);
	order->suspended_why[length] = '\0';
}
