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
	order->overdue = false;
	this_boot(order, clock);
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

static uint32_t order_weight(const struct order *order)
{
	return order->kind == ORDER_DRAIN ? 0 : order->weight;
}

uint32_t lease_allowed(const struct order *orders, size_t n, uint32_t declared)
{
	uint32_t allowed = declared;
	bool ordered = false;

	/* The first order replaces the declared weight, even by more; from then on the stricter one acts. */
	for (size_t i = 0; i < n; i++) {
		if (orders[i].pending)
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

/* Whether `a` is stricter than `b`; of two that leave the same weight a drain, then the one that ends last. */
static bool stricter(const struct order *a, const struct order *b)
{
	if (order_weight(a) != order_weight(b))
		return order_weight(a) < order_weight(b);
	if (a->kind != b->kind)
		return a->kind == ORDER_DRAIN;
	return a->wall_end_ms > b->wall_end_ms;
}

const struct order *lease_acting(const struct order *orders, size_t n, const char *service, const char *server)
{
	const struct order *acting = NULL;

	for (size_t i = 0; i < n; i++)
		if (!orders[i].pending && order_of(&orders[i], service, server) &&
		    (!acting || stricter(&orders[i], acting)))
			acting = &orders[i];
	return acting;
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
