// SPDX-License-Identifier: GPL-2.0-or-later
#include "check.h"

#include <netinet/in.h>

#include "../address.h"
#include "value.h"

/* One service under check. */
struct context {
	const struct config *config;
	const struct service_conf *service;
	const struct tree *node;
	struct faults *faults;
};

#define fault_at(context, tree, ...) fault_add((context)->faults, (tree)->line, (tree)->column, __VA_ARGS__)

static const char *const check_names[] = {
	[CHECK_NONE] = "none", [CHECK_TCP] = "tcp", [CHECK_HTTP] = "http", [CHECK_HTTPS] = "https"};

/* Where to point at: the key when the section has it, else the section. */
static const struct tree *where(const struct tree *section, const char *key)
{
	const struct tree *node = tree_get(section, key);

	return node ? node : section;
}

/* A tunnel's packet is of the family of the server's address, whatever it carries. */
static void check_outer_source(const struct context *c, const struct tree *node)
{
	const struct tree *servers = tree_get(c->node, "servers");

	for (size_t i = 0; i < c->service->n_servers; i++) {
		const struct server_conf *server = &c->service->servers[i];
		bool v4 = address_is_v4(&server->addr);

		if (!tree_given(&servers->children[i], "address") || !c->service->n_source ||
		    address_is_v4(&c->service->source[0]) == v4)
			continue;
		fault_at(c, node->kind == TREE_LIST ? &node->children[0] : node,
			 "source is not of the family of server '%s', to which the tunnel goes: write an IPv%d one",
			 server->name, v4 ? 4 : 6);
		return;
	}
}

static void check_source(const struct context *c)
{
	const struct tree *node = tree_get(c->node, "source");
	bool v4 = address_is_v4(&c->service->addr);
	enum muster_mode mode = c->service->mode;

	if (!node || node->bad || !tree_sound(c->node, "mode"))
		return;
	if (mode != MUSTER_MODE_FULLNAT && !config_mode_tunnels(mode)) {
		fault_at(c, node,
			 "source is used in modes fullnat, ipip and gue, this one is %s: remove it, or change mode",
			 config_mode_name(mode));
		return;
	}
	if (config_mode_tunnels(mode)) {
		check_outer_source(c, node);
		return;
	}
	if (!tree_given(c->node, "address"))
		return;
	for (unsigned i = 0; i < c->service->n_source; i++) {
		const struct tree *at = node->kind == TREE_LIST ? &node->children[i] : node;

		if (address_is_v4(&c->service->source[i]) != v4)
			fault_at(c, at, "source '%s' is not of the family of the service's address: write an IPv%d one",
				 at->text, v4 ? 4 : 6);
	}
}

/* Options of a request mean nothing where no request is made. */
static void check_http_options(const struct context *c, const struct tree *section)
{
	static const char *const http[] = {"method", "path", "host", "status", "body"};
	static const char *const tls[] = {"tls_verify", "ca_file"};
	enum check_type type = c->service->check.type;

	for (size_t i = 0; i < ARRAY_SIZE(http) && type == CHECK_TCP; i++)
		if (tree_given(section, http[i]))
			fault_at(c, tree_get(section, http[i]),
				 "%s is for http and https, this check is tcp: remove it, or write type: http",
				 http[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tls) && (type == CHECK_TCP || type == CHECK_HTTP); i++)
		if (tree_given(section, tls[i]))
			fault_at(c, tree_get(section, tls[i]),
				 "%s is for https, this check is %s: remove it, or write type: https", tls[i],
				 check_names[type]);
	if (c->service->check.body && !strcmp(c->service->check.method, "HEAD") && tree_given(section, "body"))
		fault_at(c, tree_get(section, "body"),
			 "body cannot be found in the answer to HEAD, which has none: remove it, or write method: GET");
}

static void check_times(const struct context *c, const struct tree *section)
{
	static const char *const keys[] = {"timeout", "fast_interval"};
	const uint32_t values[] = {c->service->check.timeout_ms, c->service->check.fast_interval_ms};
	char value[VALUE_TEXT_SIZE], interval[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (values[i] > c->service->check.interval_ms && tree_given(section, keys[i]) &&
		    tree_sound(section, "interval"))
			fault_at(c, tree_get(section, keys[i]),
				 "%s %s is above interval %s: lower it, or raise interval", keys[i],
				 value_format(values[i], VALUE_MS, value),
				 value_format(c->service->check.interval_ms, VALUE_MS, interval));
}

/* A check without a port of its own asks the server's, which is the service's when it has none. */
static bool every_server_has_port(const struct context *c)
{
	const struct tree *servers = tree_get(c->node, "servers");

	for (size_t i = 0; i < c->service->n_servers; i++)
		if (!tree_get(&servers->children[i], "port"))
			return false;
	return c->service->n_servers > 0;
}

static void check_check(const struct context *c)
{
	const struct tree *section = tree_get(c->node, "check");
	const struct tree *at = section ? where(section, "type") : c->node;
	bool needs_port = c->service->check.type != CHECK_NONE && !c->service->check.port &&
			  tree_sound(section, "port") && tree_sound(c->node, "protocol");

	if ((section && section->bad) || !tree_sound(section, "type"))
		return;
	if (needs_port && c->service->proto == IPPROTO_UDP)
		fault_at(c, at,
			 "a check of type %s on a udp service has no port to ask: add port to check, or write type: "
			 "none",
			 check_names[c->service->check.type]);
	else if (needs_port && !c->service->port && tree_given(c->node, "port") && !every_server_has_port(c))
		fault_at(c, at,
			 "a service of any port has no port to check: add a check section with port, or with type: "
			 "none");
	if (!section)
		return;
	if (c->service->check.type == CHECK_NONE && !tree_get(section, "type") && section->n)
		fault_at(c, section, "check says how, but a udp service has no check by default: add type and port");
	check_http_options(c, section);
	check_times(c, section);
}

/* The thresholds and times of one memory section; `given` is what a fault is laid at. */
static void check_memory_values(const struct context *c, const struct memory_conf *memory, const struct tree *section,
				const struct tree *outer)
{
	static const char *const ratios[] = {"soft", "hard"}, *const times[] = {"timeout", "stale_after", "interval"};
	char value[VALUE_TEXT_SIZE], interval[VALUE_TEXT_SIZE];
	bool ratios_sound = true, times_sound = true, ratios_here = false, times_here = false;

	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
		ratios_sound &= tree_sound(section, ratios[i]) && tree_sound(outer, ratios[i]);
		ratios_here |= tree_get(section, ratios[i]) != NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		times_sound &= tree_sound(section, times[i]) && tree_sound(outer, times[i]);
		times_here |= tree_get(section, times[i]) != NULL;
	}
	if (ratios_here && ratios_sound && memory->soft_pct <= memory->hard_pct)
		fault_at(c, where(section, "soft"), "soft %u%% is not above hard %u%%: raise soft, or lower hard",
			 memory->soft_pct, memory->hard_pct);
	if (!times_here || !times_sound)
		return;
	value_format(memory->interval_ms, VALUE_MS, interval);
	if (memory->timeout_ms > memory->interval_ms)
		fault_at(c, where(section, "timeout"), "timeout %s is above interval %s: lower it, or raise interval",
			 value_format(memory->timeout_ms, VALUE_MS, value), interval);
	if (memory->stale_after_ms <= memory->interval_ms)
		fault_at(c, where(section, "stale_after"),
			 "stale_after %s is not above interval %s, so every reading would be stale: raise it",
			 value_format(memory->stale_after_ms, VALUE_MS, value), interval);
}

static void check_memory_source(const struct context *c, enum memory_source source, const struct tree *section)
{
	const struct tree *path = tree_get(section, "path"), *send = tree_get(section, "send");

	if (path && source == MEMORY_AGENT_CHECK)
		fault_at(c, path, "path is for node_exporter, this source is agent_check: remove it");
	if (send && source == MEMORY_NODE_EXPORTER)
		fault_at(c, send, "send is for agent_check, this source is node_exporter: remove it");
}

/* A server's own section, with what it took over from the service. */
static void check_server_memory(const struct context *c, const struct server_conf *server, const struct tree *node)
{
	const struct tree *outer = tree_get(c->node, "memory"), *section = tree_get(node, "memory");
	const struct memory_conf *memory = &server->memory;

	if (!section || section->bad || (outer && outer->bad) || !tree_sound(section, "source") ||
	    !tree_sound(outer, "source"))
		return;
	check_memory_values(c, memory, section, outer);
	check_memory_source(c, memory->source, section);
	if (memory->source == MEMORY_AGENT_CHECK && !memory->port && tree_get(section, "source") &&
	    tree_sound(section, "port"))
		fault_at(c, where(section, "source"), "agent_check has no usual port: add port to this section");
	if (memory->source == MEMORY_NONE && !tree_get(section, "source") && section->n)
		fault_at(c, section,
			 "memory says how, but neither this server nor its service names a source: "
			 "add source, or remove the section");
}

/* Whether every server that asks an agent knows its port: from here, or from its own section. */
static bool agent_port_known(const struct service_conf *service, const struct tree *servers)
{
	if (service->memory.port)
		return true;
	for (size_t i = 0; i < service->n_servers; i++)
		if (service->servers[i].memory.source == MEMORY_AGENT_CHECK && !service->servers[i].memory.port &&
		    tree_sound(tree_get(&servers->children[i], "memory"), "port"))
			return false;
	/* A server added by command takes what stands here. */
	return service->n_servers > 0;
}

static void check_memory(const struct context *c)
{
	const struct tree *section = tree_get(c->node, "memory"), *servers = tree_get(c->node, "servers");
	const struct memory_conf *memory = &c->service->memory;
	bool used = memory->source != MEMORY_NONE;

	for (size_t i = 0; i < c->service->n_servers; i++) {
		const struct server_conf *server = &c->service->servers[i];

		used |= server->memory.source != MEMORY_NONE;
		check_server_memory(c, server, &servers->children[i]);
	}
	if (!section || section->bad || !tree_sound(section, "source"))
		return;
	check_memory_values(c, memory, section, NULL);
	check_memory_source(c, memory->source, section);
	if (!used && !tree_get(section, "source") && section->n)
		fault_at(c, section, "memory says how, but not where from: add source: node_exporter or agent_check");
	if (memory->source == MEMORY_AGENT_CHECK && tree_sound(section, "port") &&
	    !agent_port_known(c->service, servers))
		fault_at(c, where(section, "source"), "agent_check has no usual port: add port to this section");
}

/* Who is recycled needs a hook, and memory that is read. */
static void check_recycle(const struct context *c)
{
	const struct tree *at = tree_get(c->node, "on_memory"), *hook = tree_get(c->node, "recycle_hook");
	bool read = c->service->memory.source != MEMORY_NONE;

	for (size_t i = 0; i < c->service->n_servers; i++)
		read |= c->service->servers[i].memory.source != MEMORY_NONE;
	if (hook && !c->service->recycles && tree_sound(c->node, "on_memory"))
		fault_at(c, hook, "recycle_hook is for on_memory: recycle: add that, or remove it");
	if (!c->service->recycles || !at || at->bad)
		return;
	if (!hook)
		fault_at(c, at, "on_memory: recycle has no recycle_hook: add the program that restarts a server");
	if (!read && tree_sound(c->node, "memory") && tree_sound(tree_get(c->node, "memory"), "source"))
		fault_at(c, at, "on_memory: recycle needs memory that is read: add a memory section with its source");
}

/* The port of a server that must be the service's, for its packets keep theirs. */
static void check_kept_port(const struct context *c, const struct server_conf *server, const struct tree *node)
{
	if (!config_mode_returns_direct(c->service->mode) || !tree_sound(c->node, "mode") || !c->service->port ||
	    !tree_given(c->node, "port") || !tree_given(node, "port") || server->port == c->service->port)
		return;
	fault_at(c, tree_get(node, "port"),
		 "port %u is not the service's %u, and in mode %s packets keep their port: remove it, or write mode: "
		 "fullnat",
		 server->port, c->service->port, config_mode_name(c->service->mode));
}

static void check_servers(const struct context *c)
{
	const struct tree *servers = tree_get(c->node, "servers");
	bool address = tree_given(c->node, "address"), v4 = address_is_v4(&c->service->addr);
	bool one_family = !config_mode_tunnels(c->service->mode) && tree_sound(c->node, "mode");

	for (size_t i = 0; i < c->service->n_servers; i++) {
		const struct server_conf *server = &c->service->servers[i];
		const struct tree *node = &servers->children[i];
		char text[ADDRESS_TEXT_SIZE];

		if (server->port && tree_given(node, "port") && tree_given(c->node, "port") && !c->service->port)
			fault_at(c, tree_get(node, "port"),
				 "port %u on a server of a service of any port, where packets keep their port: remove "
				 "it",
				 server->port);
		check_kept_port(c, server, node);
		if (one_family && address && tree_given(node, "address") && address_is_v4(&server->addr) != v4)
			fault_at(
				c, tree_get(node, "address"),
				"address '%s' is not of the family of the service's address %s: write an IPv%d address",
				tree_get(node, "address")->text, address_format(&c->service->addr, text), v4 ? 4 : 6);
	}
}

static void check_observe(const struct context *c)
{
	const struct tree *at = tree_get(c->node, "observe");

	if (!c->service->observe || !at || at->bad)
		return;
	if (c->service->proto != IPPROTO_TCP && tree_sound(c->node, "protocol"))
		fault_at(c, at, "observe: http is for tcp, this service is udp: remove it");
	else if (config_mode_returns_direct(c->service->mode) && tree_sound(c->node, "mode"))
		fault_at(c, at,
			 "observe: http reads responses, which in mode %s do not come through this host: remove it, or "
			 "write mode: fullnat or nat",
			 config_mode_name(c->service->mode));
}

/* Backups stand beside active servers, of whom there must be as many as are to remain. */
static void check_backups(const struct context *c)
{
	const struct tree *servers = tree_get(c->node, "servers"), *pool = tree_get(c->node, "pool");
	const struct tree *least = tree_get(pool, "min_active");
	size_t active = 0;

	for (size_t i = 0; i < c->service->n_servers; i++) {
		const struct tree *node = &servers->children[i];

		active += !c->service->servers[i].backup;
		if (!c->service->servers[i].backup && tree_given(node, "tier") && tree_sound(node, "role"))
			fault_at(c, tree_get(node, "tier"),
				 "tier is of backups, and this server is active: remove it, or write role: backup");
	}
	if (!servers || servers->bad || !c->service->n_servers)
		return;
	if (!active)
		fault_at(c, servers, "every server is a backup: write role: active for those that serve");
	else if (least && tree_sound(pool, "min_active") && c->service->pool.min_active > active)
		fault_at(c, least, "min_active %u is more than the %zu active servers: lower it, or add servers",
			 c->service->pool.min_active, active);
}

static void check_pool(const struct context *c)
{
	const struct tree *section = tree_get(c->node, "pool"), *at = tree_get(section, "hold_max");
	char hold[VALUE_TEXT_SIZE], most[VALUE_TEXT_SIZE];

	if (at && tree_sound(section, "hold") && tree_sound(section, "hold_max") &&
	    c->service->pool.hold_max_ms < c->service->pool.hold_ms)
		fault_at(c, at, "hold_max %s is below hold %s: raise it, or lower hold",
			 value_format(c->service->pool.hold_max_ms, VALUE_MS, most),
			 value_format(c->service->pool.hold_ms, VALUE_MS, hold));
}

static void check_timeouts(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *section = tree_get(root, "timeouts"), *at = tree_get(section, "udp_once");
	char once[VALUE_TEXT_SIZE], udp[VALUE_TEXT_SIZE];

	if (at && tree_sound(section, "udp") && tree_sound(section, "udp_once") &&
	    config->timeout.udp_once_ms > config->timeout.udp_ms)
		fault_add(faults, at->line, at->column, "udp_once %s is above udp %s: lower it, or raise udp",
			  value_format(config->timeout.udp_once_ms, VALUE_MS, once),
			  value_format(config->timeout.udp_ms, VALUE_MS, udp));
}

int config_check(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *services = tree_get(root, "services");

	for (size_t i = 0; i < config->n_services; i++) {
		struct context context = {config, &config->services[i], &services->children[i], faults};

		if (context.node->bad)
			continue;
		check_source(&context);
		check_check(&context);
		check_memory(&context);
		check_recycle(&context);
		check_pool(&context);
		check_backups(&context);
		check_servers(&context);
		check_observe(&context);
	}
	check_timeouts(config, root, faults);
	config_check_receivers(config, root, faults);
	return config_check_unique(config, root, faults);
}
