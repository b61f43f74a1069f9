// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "state.h"

void state_free(struct state **state)
{
	if (*state) {
		free((*state)->orders);
		free((*state)->overlays);
	}
	free(*state);
	*state = NULL;
}

int state_add_order(struct state *state, const struct order *order)
{
	struct order *orders = reallocarray(state->orders, state->n_orders + 1, sizeof(*orders));

	if (!orders)
		return -ENOMEM;
	state->orders = orders;
	orders[state->n_orders++] = *order;
	state->next_id = MAX(state->next_id, order->id + 1);
	return 0;
}

void state_drop_order(struct state *state, size_t index)
{
	state->n_orders--;
	memmove(&state->orders[index], &state->orders[index + 1], (state->n_orders - index) * sizeof(*state->orders));
}

int state_add_overlay(struct state *state, const struct overlay *overlay)
{
	struct overlay *overlays = reallocarray(state->overlays, state->n_overlays + 1, sizeof(*overlays));

	if (!overlays)
		return -ENOMEM;
	state->overlays = overlays;
	overlays[state->n_overlays++] = *overlay;
	return 0;
}

void state_drop_overlay(struct state *state, size_t index)
{
	state->n_overlays--;
	memmove(&state->overlays[index], &state->overlays[index + 1],
		(state->n_overlays - index) * sizeof(*state->overlays));
}

static struct service_conf *find_service(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (!strcmp(config->services[i].name, name))
			return &config->services[i];
	return NULL;
}

static struct server_conf *find_server(struct service_conf *service, const char *name)
{
	for (size_t i = 0; i < service->n_servers; i++)
		if (!strcmp(service->servers[i].name, name))
			return &service->servers[i];
	return NULL;
}

static int apply_add(const struct overlay *overlay, struct config *config, struct service_conf *service, FILE *notes)
{
	struct server_conf server;
	char why[256];
	int r;

	if (find_server(service, overlay->server)) {
		fprintf(notes,
			"server '%s', added to service '%s' by %s, is declared in %s now: the addition is absorbed\n",
			overlay->server, service->name, overlay->owner, config->file);
		return 0;
	}
	r = server_conf_default(service, &server);
	if (r < 0)
		return r;
	snprintf(server.name, sizeof(server.name), "%s", overlay->server);
	server.addr = overlay->addr;
	server.port = overlay->port;
	server.weight = overlay->weight;
	if (config_server_fits(config, service, &server, why, sizeof(why)) < 0)
		fprintf(notes, "server '%s', added to service '%s' by %s, does not fit and is left out: %s\n",
			overlay->server, service->name, overlay->owner, why);
	else
		r = service_conf_add(service, &server);
	server_conf_clear(&server);
	return r;
}

static int apply_remove(const struct overlay *overlay, struct config *config, struct service_conf *service, FILE *notes)
{
	struct server_conf *server = find_server(service, overlay->server);

	if (server)
		service_conf_remove(service, server - service->servers);
	else
		fprintf(notes,
			"server '%s', removed from service '%s' by %s, is not declared in %s any more: the removal is "
			"absorbed\n",
			overlay->server, service->name, overlay->owner, config->file);
	return 0;
}

int state_apply_overlay(const struct state *state, struct config *config, FILE *notes)
{
	int r = 0;

	for (size_t i = 0; i < state->n_overlays && !r; i++) {
		const struct overlay *overlay = &state->overlays[i];
		struct service_conf *service = find_service(config, overlay->service);

		if (!service)
			fprintf(notes, "service '%s' is not declared in %s: server '%s', %s by %s, waits for it\n",
				overlay->service, config->file, overlay->server, overlay->remove ? "removed" : "added",
				overlay->owner);
		else if (overlay->remove)
			r = apply_remove(overlay, config, service, notes);
		else
			r = apply_add(overlay, config, service, notes);
	}
	return r;
}
