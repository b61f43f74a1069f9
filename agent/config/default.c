// SPDX-License-Identifier: GPL-2.0-or-later
#include "default.h"

#include <netinet/in.h>

#include "schema.h"

static void default_check(struct service_conf *service, const struct tree *node)
{
	struct check_conf *check = &service->check;

	if (!tree_get(node, "type"))
		check->type = service->proto == IPPROTO_TCP ? CHECK_TCP : CHECK_NONE;
	if (!check->timeout_ms)
		check->timeout_ms = MIN(1000, check->interval_ms);
	if (!check->fast_interval_ms)
		check->fast_interval_ms = MIN(500, check->interval_ms);
}

/* Port, path and text of one kind of source mean nothing to another. */
static bool belongs_to_source(const char *key)
{
	return !strcmp(key, "port") || !strcmp(key, "path") || !strcmp(key, "send");
}

/* What the server's section does not give comes from the service's, as given there: nothing derived yet. */
static int inherit_memory(struct memory_conf *memory, const struct memory_conf *service, const struct tree *node)
{
	bool other;

	if (!tree_get(node, "source"))
		memory->source = service->source;
	other = memory->source != service->source;
	for (const struct schema_key *key = schema_memory.keys; key->name; key++) {
		int r;

		if (tree_get(node, key->name) || (other && belongs_to_source(key->name)))
			continue;
		r = schema_copy(key, memory, service);
		if (r < 0)
			return r;
	}
	return 0;
}

static int default_memory(struct memory_conf *memory)
{
	if (!memory->timeout_ms)
		memory->timeout_ms = MIN(2000, memory->interval_ms);
	if (!memory->stale_after_ms)
		memory->stale_after_ms = 3 * memory->interval_ms;
	if (memory->source != MEMORY_NODE_EXPORTER)
		return 0;
	if (!memory->port)
		memory->port = MEMORY_PORT_DEFAULT;
	if (!memory->path)
		memory->path = strdup(MEMORY_PATH_DEFAULT);
	return memory->path ? 0 : -ENOMEM;
}

static int default_service(struct service_conf *service, const struct tree *node)
{
	const struct tree *servers = tree_get(node, "servers");
	int r = 0;

	service->line = node->line;
	if (!tree_get(tree_get(node, "pool"), "hold_max"))
		service->pool.hold_max_ms = MAX(5 * 60 * 1000, service->pool.hold_ms);
	default_check(service, tree_get(node, "check"));
	for (size_t i = 0; i < service->n_servers && !r; i++) {
		const struct tree *server = &servers->children[i];

		service->servers[i].line = server->line;
		r = inherit_memory(&service->servers[i].memory, &service->memory, tree_get(server, "memory"));
		r = r < 0 ? r : default_memory(&service->servers[i].memory);
	}
	return r < 0 ? r : default_memory(&service->memory);
}

static int default_receiver(struct receiver_conf *receiver, const struct tree *node)
{
	receiver->line = node->line;
	if (receiver->type != RECEIVER_PAGERDUTY || receiver->url || receiver->url_file)
		return 0;
	receiver->url = strdup(PAGERDUTY_URL);
	return receiver->url ? 0 : -ENOMEM;
}

int config_default(struct config *config, const struct tree *root)
{
	const struct tree *services = tree_get(root, "services"), *receivers = tree_get(root, "receivers");
	int r = 0;

	for (size_t i = 0; i < config->n_receivers && !r; i++)
		r = default_receiver(&config->receivers[i], &receivers->children[i]);
	if (!config->timeout.udp_once_ms)
		config->timeout.udp_once_ms = MIN(10 * 1000, config->timeout.udp_ms);
	for (size_t i = 0; i < config->n_services && !r; i++)
		r = default_service(&config->services[i], &services->children[i]);
	return r;
}
