// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server's three layers, each with its cause, since when, and whose it is: what is declared, what operators order, what
 * observers see. And what to type to change it.
 */
#include <stdio.h>

#include "status.h"

static const struct overlay *added_by(const struct status_input *in, const struct server *server)
{
	for (size_t i = 0; in->state && i < in->state->n_overlays; i++) {
		const struct overlay *overlay = &in->state->overlays[i];

		if (!overlay->remove && !strcmp(overlay->server, server->conf->name) &&
		    !strcmp(overlay->service, server->service->conf->name))
			return overlay;
	}
	return NULL;
}

static json_t *declared_json(const struct status_input *in, const struct server *server)
{
	const struct overlay *added = server->conf->line ? NULL : added_by(in, server);
	const char *file = in->model->config && in->model->config->file ? in->model->config->file : "the configuration";
	json_t *out = json_pack("{s:i}", "weight", (int)server->conf->weight);
	char cause[512];

	if (added) {
		json_object_set_new(out, "cause", json_string("added by command, not in the file"));
		json_object_set_new(out, "owner", status_text(added->owner));
		json_object_set_new(out, "since_ms", json_integer(added->wall_ms));
		json_object_set_new(out, "age_ms", json_integer(MAX(in->clock->wall_ms - added->wall_ms, 0)));
		return out;
	}
	snprintf(cause, sizeof(cause), "%s, line %u", file, server->conf->line);
	json_object_set_new(out, "cause", status_text(cause));
	json_object_set_new(out, "owner", json_string("the configuration"));
	status_put_since(out, in, server->run.declared_ms);
	return out;
}

static json_t *ordered_json(const struct status_input *in, const struct server *server)
{
	const struct order *order = status_acting(in, server);
	json_t *out;

	if (!order)
		return json_null();
	out = json_pack("{s:I, s:s, s:i, s:o, s:o, s:o, s:I, s:I}", "lease", (json_int_t)order->id, "kind",
			status_order_kind(order), "weight", order->kind == ORDER_WEIGHT ? (int)order->weight : 0,
			"cause", status_text(order->reason), "owner", status_text(order->owner), "claim",
			status_text(order->claim), "since_ms", (json_int_t)order->wall_start_ms, "age_ms",
			(json_int_t)MAX(in->clock->wall_ms - order->wall_start_ms, 0));
	return out;
}

/* Which observer a cause comes from. */
static const char *observer(const struct server *server, enum pool_cause cause, char *out, size_t size)
{
	switch (cause) {
	case POOL_CAUSE_UNKNOWN:
	case POOL_CAUSE_DOWN:
	case POOL_CAUSE_SLOW:
	case POOL_CAUSE_FULL:
		snprintf(out, size, "%s check", status_check_names[server->service->conf->check.type]);
		return out;
	case POOL_CAUSE_REFUSES:
	case POOL_CAUSE_ERRS:
		return "packets";
	case POOL_CAUSE_MEMORY:
		snprintf(out, size, "memory by %s", status_source_names[server->conf->memory.source]);
		return out;
	case POOL_CAUSE_AGENT:
		return "agent";
	default:
		return "pool";
	}
}

/* While an order or the file leaves no weight, the pool does not weigh the server: then its health tells. */
static enum pool_cause observed_cause(const struct server *server)
{
	static const enum pool_cause by_health[] = {
		[HEALTH_UNKNOWN] = POOL_CAUSE_UNKNOWN,
		[HEALTH_UP] = POOL_CAUSE_FULL,
		[HEALTH_SLOW] = POOL_CAUSE_SLOW,
		[HEALTH_DOWN] = POOL_CAUSE_DOWN,
	};
	enum pool_cause cause = server->run.pool.cause;

	if (cause == POOL_CAUSE_ORDERED || cause == POOL_CAUSE_DECLARED_ZERO)
		return by_health[server->run.health.state];
	return cause;
}

static json_t *observed_json(const struct status_input *in, const struct server *server)
{
	enum pool_cause cause = observed_cause(server);
	bool weighed = server->run.pool.look.in, own = cause == server->run.pool.cause;
	char owner[64];
	json_t *out = json_pack("{s:s, s:s, s:s}", "name", cause == POOL_CAUSE_FULL ? "well" : pool_cause_name(cause),
				"cause", cause == POOL_CAUSE_FULL ? "nothing lowers it" : pool_cause_text(cause),
				"owner", observer(server, cause, owner, sizeof(owner)));

	json_object_set_new(out, "factor_pct", weighed ? json_integer(server->run.pool.factor_pct) : json_null());
	status_put_since(out, in, own ? server->run.pool.cause_since_ms : server->run.health.since_ms);
	return out;
}

json_t *status_layers_json(const struct status_input *in, const struct server *server)
{
	return json_pack("{s:o, s:o, s:o}", "declared", declared_json(in, server), "ordered", ordered_json(in, server),
			 "observed", observed_json(in, server));
}

/* The server as a command names it: with its service where several have it. */
static void name_of(const struct status_input *in, const struct server *server, char *out, size_t size)
{
	size_t services = 0;

	for (size_t i = 0; i < in->model->n_services; i++)
		services += model_server(in->model, in->model->services[i].conf->name, server->conf->name) != NULL;
	snprintf(out, size, "%s%s%s", services > 1 ? server->service->conf->name : "", services > 1 ? "/" : "",
		 server->conf->name);
}

json_t *status_commands_json(const struct status_input *in, const struct server *server)
{
	char name[2 * MUSTER_NAME_SIZE], text[160];
	json_t *out = json_array();
	const struct order *order;
	bool held = false;
	size_t from = 0;

	name_of(in, server, name, sizeof(name));
	if (status_order_of(in, server, &from)) {
		snprintf(text, sizeof(text), "muster return %s", name);
		json_array_append_new(out, json_string(text));
	}
	for (from = 0; (order = status_order_of(in, server, &from));) {
		held |= !order->suspended && lease_holds_out(order);
		if (order->suspended || lease_endless(order))
			continue;
		snprintf(text, sizeof(text), "muster lease extend %llu --for 1h", (unsigned long long)order->id);
		json_array_append_new(out, json_string(text));
	}
	if (!held) {
		snprintf(text, sizeof(text), "muster drain %s --reason TEXT [--for 1h]", name);
		json_array_append_new(out, json_string(text));
	}
	return out;
}
