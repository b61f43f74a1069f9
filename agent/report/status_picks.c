// SPDX-License-Identifier: GPL-2.0-or-later
/* A service's table as JSON. */
#include "status.h"

static json_t *server_json(const struct server *server, json_int_t slots, uint32_t of)
{
	return json_pack("{s:s, s:I, s:f, s:{s:i, s:f}}", "name", server->conf->name, "slots", slots, "share_pct",
			 of ? 100.0 * (double)slots / of : 0.0, "weight", "declared", (int)server->conf->weight,
			 "effective", server->run.pool.effective / 100.0);
}

/* Where a record's server stands in the service's list; -1: in none of its places. To be freed; NULL: no memory. */
static int *positions_of(const struct service *service)
{
	int *position = malloc(MUSTER_MAX_SERVERS * sizeof(*position));

	for (size_t i = 0; position && i < MUSTER_MAX_SERVERS; i++)
		position[i] = -1;
	for (size_t i = 0; position && i < service->n_servers; i++)
		if (service->servers[i].run.index < MUSTER_MAX_SERVERS)
			position[service->servers[i].run.index] = (int)i;
	return position;
}

json_t *status_picks_json(const struct status_picks *picks)
{
	const struct service *service = picks->service;
	_cleanup_(freep) json_int_t *counts = calloc(service->n_servers + 1, sizeof(*counts));
	_cleanup_(freep) int *position = positions_of(service);
	json_t *slots, *servers;

	if (!counts || !position)
		return NULL;
	slots = json_array();
	servers = json_array();
	for (uint32_t i = 0; i < picks->n_slots; i++) {
		int at = picks->slots[i] < MUSTER_MAX_SERVERS ? position[picks->slots[i]] : -1;

		json_array_append_new(slots, at < 0 ? json_null() : json_integer(at));
		if (at >= 0)
			counts[at]++;
	}
	for (size_t i = 0; i < service->n_servers; i++)
		json_array_append_new(servers, server_json(&service->servers[i], counts[i], picks->n_slots));
	return json_pack("{s:i, s:s, s:s, s:I, s:I, s:o, s:o}", "schema", STATUS_SCHEMA, "service", service->conf->name,
			 "scheduler", config_scheduler_name(service->conf->scheduler), "length",
			 (json_int_t)picks->n_slots, "turns", (json_int_t)picks->turns, "servers", servers, "slots",
			 slots);
}
