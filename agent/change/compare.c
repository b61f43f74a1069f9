// SPDX-License-Identifier: GPL-2.0-or-later
#include "compare.h"

#include <stdio.h>

#include "../address.h"

const struct service_conf *compare_service(const struct config *in, const struct service_conf *service)
{
	for (size_t i = 0; in && i < in->n_services; i++) {
		const struct service_conf *other = &in->services[i];

		if (!strcmp(other->name, service->name) && address_equal(&other->addr, &service->addr) &&
		    other->port == service->port && other->proto == service->proto)
			return other;
	}
	return NULL;
}

static uint16_t port_of(const struct service_conf *service, const struct server_conf *server)
{
	return server->port ? server->port : service->port;
}

const struct server_conf *compare_server(const struct config *in, const struct service_conf *service,
					 const struct server_conf *server)
{
	const struct service_conf *there = compare_service(in, service);

	for (size_t i = 0; there && i < there->n_servers; i++) {
		const struct server_conf *other = &there->servers[i];

		if (!strcmp(other->name, server->name) && address_equal(&other->addr, &server->addr) &&
		    port_of(there, other) == port_of(service, server))
			return other;
	}
	return NULL;
}

size_t compare_taken_out(const struct config *before, const struct config *after, compare_serves_fn serves,
			 const void *context, char *names, size_t size)
{
	size_t n = 0, used = 0;

	names[0] = '\0';
	for (size_t i = 0; i < before->n_services; i++)
		for (size_t k = 0; k < before->services[i].n_servers; k++) {
			const struct service_conf *service = &before->services[i];
			const struct server_conf *server = &service->servers[k];
			const struct server_conf *then = compare_server(after, service, server);

			if ((then && then->weight) || !server->weight || !serves(context, service, server))
				continue;
			used += (size_t)snprintf(names + used, size - used, "%s%s/%s", n++ ? ", " : "", service->name,
						 server->name);
			used = MIN(used, size - 1);
		}
	return n;
}

static double weights(const struct service_conf *service)
{
	double sum = 0;

	for (size_t i = 0; service && i < service->n_servers; i++)
		sum += service->servers[i].weight;
	return sum;
}

static json_t *share(const struct service_conf *service, const struct server_conf *server)
{
	double sum = weights(service);

	return server && sum > 0 ? json_real(100.0 * server->weight / sum) : json_real(0);
}

static json_t *weight(const struct server_conf *server)
{
	return server ? json_integer(server->weight) : json_null();
}

static const char *change_word(const struct server_conf *before, const struct server_conf *after)
{
	if (!before || !after)
		return before ? "removed" : "added";
	if (before->weight != after->weight)
		return "weight";
	return before->max_flows != after->max_flows ? "max_flows" : "same";
}

static json_t *server_json(const struct service_conf *was, const struct server_conf *before,
			   const struct service_conf *is, const struct server_conf *after)
{
	const struct server_conf *named = after ? after : before;

	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:i}", "name", named->name, "change",
			 change_word(before, after), "in_file", after && after->line, "weight_before", weight(before),
			 "weight_after", weight(after), "share_before_pct", share(was, before), "share_after_pct",
			 share(is, after), "max_flows", (int)named->max_flows);
}

/* Servers that would serve, but for this one. */
static size_t serving_without(const struct service_conf *service, const struct server_conf *gone)
{
	size_t n = 0;

	for (size_t i = 0; i < service->n_servers; i++)
		n += &service->servers[i] != gone && service->servers[i].weight;
	return n;
}

/* What is left without one server: how many, the greatest share of one, and how many live flows they take; null: no limit. */
static json_t *without_json(const struct service_conf *service, const struct server_conf *gone)
{
	double sum = weights(service) - gone->weight, most = 0;
	json_int_t flows = 0;
	bool unlimited = false;

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server_conf *server = &service->servers[i];

		if (server == gone || !server->weight)
			continue;
		most = MAX(most, 100.0 * server->weight / sum);
		unlimited |= !server->max_flows;
		flows += server->max_flows;
	}
	return json_pack("{s:s, s:I, s:f, s:o}", "server", gone->name, "left",
			 (json_int_t)serving_without(service, gone), "greatest_share_pct", most, "max_flows",
			 unlimited ? json_null() : json_integer(flows));
}

static json_t *text(const char *value)
{
	return value ? json_string(value) : json_null();
}

/* Of the service's own keys those that change what Muster does to servers by itself. */
static json_t *keys_json(const struct service_conf *was, const struct service_conf *is)
{
	const struct service_conf none = {};
	json_t *keys = json_array();

	if (!is)
		return keys;
	was = was ? was : &none;
	if (was->recycles != is->recycles)
		json_array_append_new(keys, json_pack("{s:s, s:s, s:s}", "key", "on_memory", "before",
						      config_on_memory_name(was->recycles), "after",
						      config_on_memory_name(is->recycles)));
	if (strcmp(was->recycle_hook ? was->recycle_hook : "", is->recycle_hook ? is->recycle_hook : ""))
		json_array_append_new(keys, json_pack("{s:s, s:o, s:o}", "key", "recycle_hook", "before",
						      text(was->recycle_hook), "after", text(is->recycle_hook)));
	return keys;
}

static json_t *service_json(const struct service_conf *was, const struct service_conf *is, size_t *single)
{
	json_t *servers = json_array(), *without = json_array();
	const struct config before = {.services = (struct service_conf *)was, .n_services = was != NULL};
	const struct config after = {.services = (struct service_conf *)is, .n_services = is != NULL};
	bool alone = is && serving_without(is, NULL) < 2;

	for (size_t i = 0; is && i < is->n_servers; i++) {
		const struct server_conf *server = &is->servers[i];

		json_array_append_new(servers, server_json(was, compare_server(&before, is, server), is, server));
		if (server->weight)
			json_array_append_new(without, without_json(is, server));
	}
	for (size_t i = 0; was && i < was->n_servers; i++)
		if (!compare_server(&after, was, &was->servers[i]))
			json_array_append_new(servers, server_json(was, &was->servers[i], is, NULL));
	*single += alone;
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "name", is ? is->name : was->name, "change",
			 !was  ? "added"
			 : !is ? "removed"
			       : "same",
			 "keys", keys_json(was, is), "servers", servers, "without", without, "single", alone);
}

json_t *compare_json(const struct config *before, const struct config *after, size_t *single)
{
	json_t *services = json_array();

	*single = 0;
	for (size_t i = 0; i < after->n_services; i++)
		json_array_append_new(services, service_json(compare_service(before, &after->services[i]),
							     &after->services[i], single));
	for (size_t i = 0; before && i < before->n_services; i++)
		if (!compare_service(after, &before->services[i]))
			json_array_append_new(services, service_json(&before->services[i], NULL, single));
	return services;
}
