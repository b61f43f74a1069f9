// SPDX-License-Identifier: GPL-2.0-or-later
#include <netinet/in.h>
#include <stdarg.h>

#include "../address.h"
#include "check.h"
#include "value.h"

/* Something that may stand only once: what it is compared by, and where it stands. */
struct item {
	char name[MUSTER_NAME_SIZE]; /* names, and... */
	struct muster_vip place;     /* ...places are kept in separate lists */
	const struct tree *node;
	size_t owner; /* index of the service, server or interface */
};

struct items {
	struct item *list;
	size_t n, room;
};

static void items_clear(struct items *items)
{
	free(items->list);
	*items = (struct items){};
}

static int items_add(struct items *items, size_t owner, const char *name, const struct muster_vip *place,
		     const struct tree *node)
{
	if (items->n == items->room) {
		size_t room = items->room ? 2 * items->room : 16;
		struct item *list = reallocarray(items->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		items->list = list;
		items->room = room;
	}
	items->list[items->n] = (struct item){.node = node, .owner = owner};
	if (name)
		memcpy(items->list[items->n].name, name, strnlen(name, MUSTER_NAME_SIZE - 1));
	if (place)
		items->list[items->n].place = *place;
	items->n++;
	return 0;
}

static int same(const struct item *a, const struct item *b)
{
	int r = strcmp(a->name, b->name);

	return r ? r : memcmp(&a->place, &b->place, sizeof(a->place));
}

static int compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	int r = same(a, b);

	return r ? r : a->owner < b->owner ? -1 : a->owner > b->owner;
}

/* Whether `items`, sorted, has these two owners as twins. */
static bool are_twins(const struct items *items, size_t first, size_t second)
{
	const struct item *a = NULL, *b = NULL;

	for (size_t i = 0; i < items->n; i++) {
		a = items->list[i].owner == first ? &items->list[i] : a;
		b = items->list[i].owner == second ? &items->list[i] : b;
	}
	return a && b && !same(a, b);
}

/*
 * Reports every item that is equal to an earlier one: "WHAT NAME stands twice". Those that are twins in `known` (NULL:
 * none) as well are one entry copied, and reported already.
 */
static void report_twins(struct items *items, const struct items *known, const char *what, const char *remedy,
			 struct faults *faults)
{
	const struct item *first = NULL;

	if (items->n)
		qsort(items->list, items->n, sizeof(*items->list), compare);
	for (size_t i = 0; i < items->n; i++) {
		const struct item *item = &items->list[i];
		char text[ADDRESS_TEXT_SIZE];

		if (!first || same(first, item)) {
			first = item;
			continue;
		}
		if (known && are_twins(known, first->owner, item->owner))
			continue;
		if (item->name[0])
			snprintf(text, sizeof(text), "'%s'", item->name);
		else
			address_port_format(&item->place.addr, item->place.port, text);
		fault_add(faults, item->node->line, item->node->column, "%s %s stands twice, first on line %u: %s",
			  what, text, first->node->line, remedy);
	}
}

static int unique_interfaces(const struct config *config, const struct tree *root, struct faults *faults)
{
	_cleanup_(items_clear) struct items names = {};
	const struct tree *list = tree_get(root, "interfaces");

	for (size_t i = 0; i < config->n_interfaces; i++) {
		const struct tree *node = &list->children[i];
		const struct tree *name = node->kind == TREE_TEXT ? node : tree_get(node, "name");

		if (config->interfaces[i].name[0] && items_add(&names, i, config->interfaces[i].name, NULL, name) < 0)
			return -ENOMEM;
	}
	report_twins(&names, NULL, "interface", "remove one", faults);
	return 0;
}

static struct muster_vip service_place(const struct service_conf *service)
{
	return (struct muster_vip){.addr = service->addr, .port = htons(service->port), .proto = service->proto};
}

static int unique_services(const struct config *config, const struct tree *root, struct faults *faults)
{
	_cleanup_(items_clear) struct items names = {}, tcp = {}, udp = {};
	const struct tree *list = tree_get(root, "services");
	int r = 0;

	for (size_t i = 0; i < config->n_services && !r; i++) {
		const struct service_conf *service = &config->services[i];
		const struct tree *node = &list->children[i];
		struct muster_vip place = service_place(service);

		if (tree_given(node, "name"))
			r = items_add(&names, i, service->name, NULL, tree_get(node, "name"));
		if (!r && tree_given(node, "address") && tree_given(node, "port") && tree_sound(node, "protocol"))
			r = items_add(service->proto == IPPROTO_UDP ? &udp : &tcp, i, NULL, &place,
				      tree_get(node, "address"));
	}
	report_twins(&names, NULL, "service", "give it a name of its own", faults);
	report_twins(&tcp, &names, "tcp service at", "change address, port or protocol", faults);
	report_twins(&udp, &names, "udp service at", "change address, port or protocol", faults);
	return r;
}

static int unique_servers(const struct service_conf *service, const struct tree *node, struct faults *faults)
{
	_cleanup_(items_clear) struct items names = {}, places = {};
	const struct tree *list = tree_get(node, "servers");
	int r = 0;

	for (size_t i = 0; i < service->n_servers && !r; i++) {
		const struct server_conf *server = &service->servers[i];
		const struct tree *child = &list->children[i];
		struct muster_vip place = {.addr = server->addr,
					   .port = htons(server->port ? server->port : service->port)};

		if (tree_given(child, "name"))
			r = items_add(&names, i, server->name, NULL, tree_get(child, "name"));
		if (!r && tree_given(child, "address") && tree_sound(child, "port"))
			r = items_add(&places, i, NULL, &place, tree_get(child, "address"));
	}
	report_twins(&names, NULL, "server", "give it a name of its own", faults);
	report_twins(&places, &names, "server at", "change address or port, or remove it", faults);
	return r;
}

/* The first service with this address, NULL: none. */
static const struct service_conf *service_at(const struct config *config, const struct muster_addr *addr)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (address_equal(&config->services[i].addr, addr))
			return &config->services[i];
	return NULL;
}

/* A service's own address as a server would send the packets round in a circle. */
static void refuse_loops(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *services = tree_get(root, "services");

	for (size_t i = 0; i < config->n_services; i++) {
		const struct service_conf *service = &config->services[i];
		const struct tree *servers = tree_get(&services->children[i], "servers");

		for (size_t j = 0; j < service->n_servers; j++) {
			const struct tree *at = tree_get(&servers->children[j], "address");
			const struct service_conf *owner =
				at && !at->bad ? service_at(config, &service->servers[j].addr) : NULL;

			if (owner)
				fault_add(
					faults, at->line, at->column,
					"address '%s' is that of service '%s': a server cannot be the balancer itself, "
					"write the server's own address",
					at->text, owner->name);
		}
	}
}

static void check_room(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *services = tree_get(root, "services");
	size_t total = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		size_t n = config->services[i].n_servers;

		if (total <= MUSTER_MAX_SERVERS && total + n > MUSTER_MAX_SERVERS) {
			const struct tree *servers = tree_get(&services->children[i], "servers");
			const struct tree *first = &servers->children[MUSTER_MAX_SERVERS - total];

			fault_add(faults, first->line, first->column,
				  "server %d of the file, at most %d fit into the maps: remove it and those after it",
				  MUSTER_MAX_SERVERS + 1, MUSTER_MAX_SERVERS);
		}
		total += n;
	}
}

int config_check_unique(const struct config *config, const struct tree *root, struct faults *faults)
{
	const struct tree *services = tree_get(root, "services");
	int r = unique_interfaces(config, root, faults);

	if (!r)
		r = unique_services(config, root, faults);
	for (size_t i = 0; i < config->n_services && !r; i++)
		r = unique_servers(&config->services[i], &services->children[i], faults);
	if (r < 0)
		return r;
	refuse_loops(config, root, faults);
	check_room(config, root, faults);
	return 0;
}

static int misfit(char *why, size_t n, const char *format, ...) _printf_(3, 4);
static int misfit(char *why, size_t n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, n, format, ap);
	va_end(ap);
	return -EINVAL;
}

int config_server_fits(const struct config *config, const struct service_conf *service,
		       const struct server_conf *server, char *why, size_t n)
{
	char quote[FAULT_QUOTE_SIZE], text[ADDRESS_TEXT_SIZE];
	const char *reason = config_name_fault(server->name);
	uint16_t port = server->port ? server->port : service->port;
	const struct service_conf *owner = service_at(config, &server->addr);
	size_t total = 0;

	if (reason)
		return misfit(why, n, "server %s %s", fault_quote(server->name, quote), reason);
	if (address_is_special(&server->addr))
		return misfit(why, n, "address %s is no address of a server: write one that packets are routed to",
			      address_format(&server->addr, text));
	if (config_mode_tunnels(service->mode) && service->n_source &&
	    address_is_v4(&server->addr) != address_is_v4(&service->source[0]))
		return misfit(
			why, n, "address %s is not of the family of the source of service '%s': write an IPv%d address",
			address_format(&server->addr, text), service->name, address_is_v4(&service->source[0]) ? 4 : 6);
	if (!config_mode_tunnels(service->mode) && address_is_v4(&server->addr) != address_is_v4(&service->addr))
		return misfit(why, n, "address %s is not of the family of service '%s': write an IPv%d address",
			      address_format(&server->addr, text), service->name,
			      address_is_v4(&service->addr) ? 4 : 6);
	if (owner)
		return misfit(why, n, "address %s is that of service '%s': write the server's own address",
			      address_format(&server->addr, text), owner->name);
	if (server->port && !service->port)
		return misfit(why, n, "service '%s' is of any port, where packets keep their port: leave out port %u",
			      service->name, server->port);
	if (server->port && server->port != service->port && config_mode_returns_direct(service->mode))
		return misfit(why, n, "service '%s' is of mode %s, where packets keep their port: leave out port %u",
			      service->name, config_mode_name(service->mode), server->port);
	if (server->weight > SERVER_WEIGHT_MAX)
		return misfit(why, n, "weight %u is out of range: write 0 to %d", server->weight, SERVER_WEIGHT_MAX);
	if (server->memory.source == MEMORY_AGENT_CHECK && !server->memory.port)
		return misfit(why, n, "service '%s' has no port for agent_check: add one to its memory section",
			      service->name);
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server_conf *other = &service->servers[i];

		if (!strcmp(other->name, server->name))
			return misfit(why, n, "service '%s' has a server '%s' already: choose another name",
				      service->name, server->name);
		if (address_equal(&other->addr, &server->addr) && (other->port ? other->port : service->port) == port)
			return misfit(why, n, "%s is server '%s' of service '%s' already: change address or port",
				      address_port_format(&server->addr, htons(port), text), other->name,
				      service->name);
	}
	for (size_t i = 0; i < config->n_services; i++)
		total += config->services[i].n_servers;
	if (total >= MUSTER_MAX_SERVERS)
		return misfit(why, n, "all %d places for servers are taken: remove one first", MUSTER_MAX_SERVERS);
	return 0;
}
