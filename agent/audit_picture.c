// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit_picture.h"

#include <stdio.h>

#include "orders/book.h"

#define STALE_CHECKS  3    /* intervals without a result */
#define STALE_MORE_MS 2000 /* and this: one busy moment of the agent is no finding */

void audit_count_slots(const struct model *model, struct service *service, const uint32_t *slots, uint32_t n_slots)
{
	struct service_run *run = &service->run;

	run->n_slots = n_slots;
	run->n_slots_known = true;
	run->stray_slots = 0;
	for (size_t i = 0; i < service->n_servers; i++)
		service->servers[i].run.slots = 0;
	for (uint32_t i = 0; i < n_slots; i++) {
		struct server *server = model_server_by_index(model, slots[i]);

		if (server && server->service == service)
			server->run.slots++;
		else
			run->stray_slots++;
	}
}

static const struct order *order_of(const struct audit_sight *sight, const struct server *server)
{
	return lease_acting(sight->state->orders, sight->state->n_orders, server->service->conf->name,
			    server->conf->name);
}

static bool is_over(const struct audit_sight *sight, const struct order *order)
{
	return !lease_endless(order) && lease_left_ms(order, sight->clock, sight->state->wall_saved_ms) <= 0;
}

static const char *order_text(const struct audit_sight *sight, const struct order *order, char *buf, size_t n)
{
	int64_t left_s = lease_left_ms(order, sight->clock, sight->state->wall_saved_ms) / 1000;
	char what[32];

	if (order->kind == ORDER_WEIGHT)
		snprintf(what, sizeof(what), "weight %u", order->weight);
	else
		snprintf(what, sizeof(what), "%s", book_kind(order));
	if (order->overdue || left_s <= 0)
		snprintf(buf, n, "%s by %s, over since %lld s: %.100s", what, order->owner, (long long)-left_s,
			 order->reason);
	else if (lease_endless(order))
		snprintf(buf, n, "%s by %s, without end: %.100s", what, order->owner, order->reason);
	else
		snprintf(buf, n, "%s by %s, for %lld s more: %.100s", what, order->owner, (long long)left_s,
			 order->reason);
	return buf;
}

static bool unchecked(const struct audit_sight *sight, const struct server *server)
{
	const struct check_conf *check = &server->service->conf->check;
	const struct health *health = &server->run.health;

	return sight->checked && check->type != CHECK_NONE && health->checked_ms &&
	       sight->clock->now_ms - health->checked_ms >
		       STALE_CHECKS * (int64_t)check->interval_ms + check->timeout_ms + STALE_MORE_MS;
}

/* What an observer has lowered, an observer raises again, or nobody. A backup that stands by is not lowered. */
static bool observed(const struct audit_sight *sight, enum pool_cause cause)
{
	return sight->unattended ? cause == POOL_CAUSE_STANDBY : pool_cause_observed(cause);
}

static const char *cause_text(const struct audit_sight *sight, enum pool_cause cause)
{
	return sight->unattended && cause == POOL_CAUSE_UNKNOWN ? "so it was left, and nobody is there to raise it"
								: pool_cause_text(cause);
}

static void see_server(const struct audit_sight *sight, const struct server *server, struct audit_server *out,
		       char text[AUDIT_TEXT])
{
	const struct order *order = order_of(sight, server);

	*out = (struct audit_server){
		.name = server->conf->name,
		.declared = server->conf->weight * 100,
		.effective = server->run.pool.effective,
		.healthy = server->run.health.state == HEALTH_UP,
		.observed = observed(sight, server->run.pool.cause),
		.cause = cause_text(sight, server->run.pool.cause),
		.ordered = order != NULL,
		.overdue = order && (order->overdue || (sight->unattended && is_over(sight, order))),
		.order = order ? order_text(sight, order, text, AUDIT_TEXT) : NULL,
		.slots = server->run.slots,
		.unchecked = unchecked(sight, server),
		.added = server->conf->line == 0,
	};
}

static void see_service(struct audit *audit, const struct audit_sight *sight, const struct service *service)
{
	_cleanup_(freep) struct audit_server *servers = calloc(service->n_servers + 1, sizeof(*servers));
	_cleanup_(freep) char(*texts)[AUDIT_TEXT] = calloc(service->n_servers + 1, sizeof(*texts));
	struct audit_service seen = {
		.name = service->conf->name,
		.servers = servers,
		.n_servers = service->n_servers,
		.n_slots = service->run.n_slots,
		.stray_slots = service->run.stray_slots,
		.fail_open = service->run.pool.fail_open,
		.settled = sight->settled && service->run.n_slots_known,
	};

	if (!servers || !texts)
		return;
	for (size_t i = 0; i < service->n_servers; i++)
		see_server(sight, &service->servers[i], &servers[i], texts[i]);
	audit_see_service(audit, &seen);
}

/* Servers that a command took out: the incident's first step. */
static void see_removed(struct audit *audit, const struct audit_sight *sight)
{
	for (size_t i = 0; i < sight->state->n_overlays; i++) {
		const struct overlay *overlay = &sight->state->overlays[i];

		if (overlay->remove && !model_server(sight->model, overlay->service, overlay->server))
			audit_see(audit, AUDIT_REMOVED, overlay->service, overlay->server, "by %s", overlay->owner);
	}
}

void audit_picture(struct audit *audit, const struct audit_sight *sight)
{
	for (size_t i = 0; i < sight->model->n_services; i++)
		see_service(audit, sight, &sight->model->services[i]);
	see_removed(audit, sight);
	/* Whoever turned them off may have gone home. */
	if (!sight->model->config->protections)
		audit_see(audit, AUDIT_UNPROTECTED, NULL, NULL, "%s", sight->model->config->file);
}
