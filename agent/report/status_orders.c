// SPDX-License-Identifier: GPL-2.0-or-later
/* The ordered layer as JSON: what operators said, by whom, why, and until when. */
#include "status.h"

const char *status_order_kind(const struct order *order)
{
	static const char *const names[] = {
		[ORDER_DRAIN] = "drain", [ORDER_WEIGHT] = "weight", [ORDER_MAINTENANCE] = "maintenance"};

	return names[order->kind];
}

const struct order *status_order_of(const struct status_input *in, const struct server *server, size_t *from)
{
	if (!in->state)
		return NULL;
	for (; *from < in->state->n_orders; (*from)++) {
		const struct order *order = &in->state->orders[*from];

		if (strcmp(order->server, server->conf->name) == 0 &&
		    strcmp(order->service, server->service->conf->name) == 0) {
			(*from)++;
			return order;
		}
	}
	return NULL;
}

const struct order *status_acting(const struct status_input *in, const struct server *server)
{
	return in->state ? lease_acting(in->state->orders, in->state->n_orders, server->service->conf->name,
					server->conf->name)
			 : NULL;
}

/* The end, or null for what has none; a moment within the order, or null for what does not come. */
static void put_times(json_t *out, const struct order *order, int64_t left_ms)
{
	bool endless = lease_endless(order), kills = order->kill_after_ms && !order->killed && !order->suspended;
	int64_t kill_ms = order->kill_after_ms - (order->length_ms - left_ms);

	json_object_set_new(out, "since_ms", json_integer(order->wall_start_ms));
	json_object_set_new(out, "ends_wall_ms", endless ? json_null() : json_integer(order->wall_end_ms));
	json_object_set_new(out, "left_ms", endless ? json_null() : json_integer(MAX(left_ms, 0)));
	json_object_set_new(out, "resets_in_ms", kills ? json_integer(MAX(kill_ms, 0)) : json_null());
}

static json_t *order_json(const struct status_input *in, const struct order *order, const struct order *acting)
{
	json_t *out =
		json_pack("{s:I, s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:b}", "id", (json_int_t)order->id, "kind",
			  status_order_kind(order), "reason", status_text(order->reason), "owner",
			  status_text(order->owner), "claim", status_text(order->claim), "acts", order == acting,
			  "overdue", order->overdue, "pending", order->pending, "recallable", lease_recallable(order));

	put_times(out, order, lease_left_ms(order, in->clock, in->state->wall_saved_ms));
	json_object_set_new(out, "weight", json_integer(order->kind == ORDER_WEIGHT ? order->weight : 0));
	json_object_set_new(out, "suspended",
			    order->suspended ? json_pack("{s:I, s:o}", "since_ms", (json_int_t)order->suspended_wall_ms,
							 "cause", status_text(order->suspended_why))
					     : json_null());
	return out;
}

json_t *status_orders_json(const struct status_input *in, const struct server *server)
{
	const struct order *order, *acting = status_acting(in, server);
	json_t *out = json_array();
	size_t from = 0;

	while ((order = status_order_of(in, server, &from)))
		json_array_append_new(out, order_json(in, order, acting));
	return out;
}

json_t *status_leases_json(const struct status_input *in)
{
	json_t *leases = json_array();

	for (size_t i = 0; in->state && i < in->state->n_orders; i++) {
		const struct order *order = &in->state->orders[i];
		json_t *lease = order_json(
			in, order, lease_acting(in->state->orders, in->state->n_orders, order->service, order->server));

		json_object_set_new(lease, "service", status_text(order->service));
		json_object_set_new(lease, "server", status_text(order->server));
		json_object_set_new(lease, "declared",
				    json_boolean(model_server(in->model, order->service, order->server) != NULL));
		json_array_append_new(leases, lease);
	}
	return json_pack("{s:i, s:I, s:o}", "schema", STATUS_SCHEMA, "wall_ms", (json_int_t)in->clock->wall_ms,
			 "leases", leases);
}

const char *status_stand(const struct status_input *in, const struct server *server, int64_t live, uint32_t *ordered)
{
	const struct order *acting = status_acting(in, server);

	*ordered = !acting ? server->conf->weight : acting->kind == ORDER_WEIGHT ? acting->weight : 0;
	if (!acting || acting->kind == ORDER_WEIGHT)
		return health_state_name(server->run.health.state);
	if (acting->kind == ORDER_MAINTENANCE)
		return "maintenance";
	return live ? "draining" : "drained"; /* nobody is told that the last one is gone who does not know it */
}
