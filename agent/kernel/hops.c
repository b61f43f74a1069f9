// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way to each server, kept from the host's routes and neighbours and written into the server's record, so that
 * the packet's path needs no lookup. The host resolves; this file only asks it to, and copies.
 */
#include "inside.h"

#include <linux/if_arp.h>
#include <stdio.h>

#include "../address.h"
#include "../log.h"
#include "sources.h"

#define NUD_GIVEN       (NUD_PERMANENT | NUD_NOARP) /* nobody is asked for its link address */
#define NUD_USABLE      (NUD_GIVEN | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)
#define REFRESH_EVERY_S 10

/* The program sends Ethernet frames. An interface that is not (yet) known is taken for one that takes them. */
static bool takes_frames(struct kernel *kernel, const struct hop *hop)
{
	const struct link *link = links_find(kernel, hop->route.ifindex);

	return !link || link->type == ARPHRD_ETHER;
}

static const char *text_of(struct kernel *kernel, uint32_t index, char *text, size_t n)
{
	const struct hop *hop = &kernel->hops[index];
	char address[ADDRESS_TEXT_SIZE], via[ADDRESS_TEXT_SIZE], name[IF_NAMESIZE] = "?";

	address_format(&hop->addr, address);
	address_format(&hop->route.via, via);
	if_indextoname(hop->route.ifindex, name);
	if (hop->state == HOP_LOCAL)
		snprintf(text, n,
			 "%s is an address of this host: a balancer cannot be its own server; give the server's "
			 "own address",
			 address);
	else if (hop->state == HOP_GOOD)
		snprintf(text, n, "%s is reached through %s%s%s", address, name,
			 hop->route.has_gateway ? " and the router " : "", hop->route.has_gateway ? via : "");
	else if (hop->route_error)
		snprintf(text, n, "no route to %s (%s): see `ip route get %s`", address, strerror(-hop->route_error),
			 address);
	else if (!takes_frames(kernel, hop))
		snprintf(text, n,
			 "%s is reached through %s, which carries no Ethernet frames (a tunnel): give the server an "
			 "address behind an Ethernet interface",
			 address, name);
	else
		snprintf(text, n, "%s does not answer on %s%s: see `ip neigh show to %s`", via, name,
			 address_is_v4(&hop->route.via) ? " (ARP)" : " (neighbour discovery)", via);
	return text;
}

void hops_tell(struct kernel *kernel)
{
	char text[256];

	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		struct hop *hop = &kernel->hops[i];

		if (!hop->wanted || hop->state == hop->told || hop->state == HOP_UNKNOWN)
			continue;
		hop->told = hop->state;
		if (kernel->handlers.hop_changed)
			kernel->handlers.hop_changed(kernel->handlers.context, i, hop->state,
						     text_of(kernel, i, text, sizeof(text)));
	}
}

static void set_state(struct kernel *kernel, struct hop *hop, enum hop_state state)
{
	hop->state = state;
	if (state != hop->told && state != HOP_UNKNOWN)
		watch_tell_soon(kernel);
}

/* Whether the record's way is the one that is known; its stamp does not count. */
static bool same_way(const struct muster_hop *a, const struct muster_hop *b)
{
	return a->ifindex == b->ifindex && memcmp(a->dst_mac, b->dst_mac, sizeof(a->dst_mac)) == 0 &&
	       memcmp(a->src_mac, b->src_mac, sizeof(a->src_mac)) == 0;
}

/*
 * The way as it should stand in the record. A neighbour that failed, and a way whose route went or moved, is no way: the
 * program goes on with an old hop when it has nothing better, so what is known to be wrong is cleared here.
 */
static void make_way(struct kernel *kernel, const struct hop *hop, const struct muster_hop *now, struct muster_hop *out)
{
	const struct link *link = links_find(kernel, hop->route.ifindex);

	*out = (struct muster_hop){0};
	if (hop->state == HOP_LOCAL || hop->route_error || !link)
		return;
	if (hop->state == HOP_GOOD) {
		out->ifindex = hop->route.ifindex;
		memcpy(out->dst_mac, hop->mac, sizeof(out->dst_mac));
		memcpy(out->src_mac, link->mac, sizeof(out->src_mac));
	} else if (hop->state == HOP_UNKNOWN && hop->adopted && now->ifindex == hop->route.ifindex) {
		*out = *now; /* adopted from an agent before us; the neighbour is being asked */
	}
}

/* What fits the way: the route's MTU where it is the smaller one. 0: not known. */
static uint32_t mtu_of(struct kernel *kernel, const struct hop *hop)
{
	const struct link *link = links_find(kernel, hop->route.ifindex);
	uint32_t mtu = hop->route.mtu;

	if (hop->route_error || hop->state == HOP_LOCAL || !link)
		return 0;
	return mtu && mtu < link->mtu ? mtu : link->mtu;
}

bool hops_fill(struct kernel *kernel, uint32_t index, const struct muster_server *now, struct muster_server *record)
{
	const struct hop *hop = &kernel->hops[index];
	struct muster_hop empty = {0};
	const struct muster_hop *before = address_equal(&now->addr, &record->addr) ? &now->hop : &empty;

	make_way(kernel, hop, before, &record->hop);
	record->mtu = mtu_of(kernel, hop);
	if (record->hop.ifindex)
		record->hop.refreshed = same_way(before, &record->hop) ? before->refreshed : ticks_now(&kernel->ticks);
	if (hop->fill_source && hop->route.has_source) {
		record->sources = 1;
		record->source[0] = hop->route.source;
	} else if (hop->fill_source && now->state != MUSTER_SERVER_FREE && address_equal(&now->addr, &record->addr)) {
		/* A route or an address that is gone for a moment must not empty the pool: the last source stays. */
		record->sources = now->sources;
		memcpy(record->source, now->source, sizeof(record->source));
	}
	return !same_way(&now->hop, &record->hop) || now->mtu != record->mtu;
}

/* Writes what is known into the record, when that is the record of this server. */
static void write_record(struct kernel *kernel, uint32_t index, bool stamp)
{
	const struct hop *hop = &kernel->hops[index];
	const struct muster_server *now = &kernel->servers[index];
	struct muster_server record = *now;
	int r;

	if (now->state == MUSTER_SERVER_FREE || !address_equal(&now->addr, &hop->addr))
		return;
	bool differs = hops_fill(kernel, index, now, &record);
	/* As in a sync: flows of a source that went are ended, not sent from another. */
	if (kernel->services[now->service % MUSTER_MAX_SERVICES].mode == MUSTER_MODE_FULLNAT &&
	    sources_settle(now, &record)) {
		kernel->raised[index]++;
		record.generation++;
	}
	differs = differs || record.sources != now->sources ||
		  memcmp(record.source, now->source, sizeof(now->source)) != 0;
	if (stamp && hop->state == HOP_GOOD)
		record.hop.refreshed = ticks_now(&kernel->ticks);
	else if (!differs)
		return;
	r = records_put_server(kernel, index, &record);
	if (r < 0)
		log_warning("writing the next hop of server %s: %s", now->name, strerror(-r));
}

static void take_neighbour(struct kernel *kernel, struct hop *hop, const struct netlink_neighbour *neighbour)
{
	if (neighbour->nud & NUD_USABLE) {
		if (!neighbour->has_mac)
			return;
		memcpy(hop->mac, neighbour->mac, sizeof(hop->mac));
		set_state(kernel, hop, HOP_GOOD);
	} else if (neighbour->nud & NUD_FAILED) {
		set_state(kernel, hop, HOP_FAILED);
	}
	/* Incomplete or gone says nothing new: the host is asking, or will be when we ask it to. */
}

/*
 * Looks the neighbour up, and has the host resolve it where it does not know, or confirm what is stale. An entry that was
 * given is left alone: the kernel would take "permanent" from it, and resolve anew what an operator has fixed. Whether
 * there was an entry.
 */
static bool look_up(struct kernel *kernel, const struct netlink_route *route, struct netlink_neighbour *out)
{
	bool known = netlink_neighbour(&kernel->netlink, route->ifindex, &route->via, out) == 0;
	int r;

	if (known && (out->nud & NUD_GIVEN))
		return true;
	r = netlink_neighbour_use(&kernel->netlink, route->ifindex, &route->via);
	if (r < 0)
		log_debug("asking the host to resolve a neighbour on interface %u: %s", route->ifindex, strerror(-r));
	return known;
}

/* Asks the host for the neighbour, and to resolve it where it does not know. */
static void ask_neighbour(struct kernel *kernel, struct hop *hop)
{
	struct netlink_neighbour neighbour = {0};

	if (hop->state == HOP_LOCAL || hop->route_error)
		return;
	if (!takes_frames(kernel, hop)) {
		set_state(kernel, hop, HOP_FAILED);
		return;
	}
	if (look_up(kernel, &hop->route, &neighbour))
		take_neighbour(kernel, hop, &neighbour);
}

/* True when the way changed. */
static bool ask_route(struct kernel *kernel, struct hop *hop)
{
	struct netlink_route route;
	int r = netlink_route(&kernel->netlink, &hop->addr, &route);

	if (r == 0 && !route.local && !route.ifindex)
		r = -ENETUNREACH;
	if (r == hop->route_error && memcmp(&route, &hop->route, sizeof(route)) == 0)
		return false;
	bool had_way = hop->route_error == 0 && !hop->route.local && route.ifindex == hop->route.ifindex &&
		       address_equal(&route.via, &hop->route.via);
	hop->route = route;
	hop->route_error = r;
	hop->adopted = hop->adopted && had_way;
	if (r < 0 || route.local)
		set_state(kernel, hop, r < 0 ? HOP_FAILED : HOP_LOCAL);
	else if (!had_way)
		hop->state = HOP_UNKNOWN;
	return true;
}

void hops_want(struct kernel *kernel, uint32_t index, const struct muster_addr *addr, bool fill_source)
{
	struct hop *hop = &kernel->hops[index];

	if (hop->wanted && address_equal(&hop->addr, addr)) {
		hop->fill_source = fill_source;
		return;
	}
	*hop = (struct hop){.wanted = true, .fill_source = fill_source, .addr = *addr, .route_error = 1};
	ask_route(kernel, hop);
	hop->adopted = true;
	ask_neighbour(kernel, hop);
}

void hops_forget(struct kernel *kernel, uint32_t index)
{
	if (kernel->hops[index].wanted)
		kernel->hops[index] = (struct hop){0};
}

bool hops_servable(const struct kernel *kernel, uint32_t index, uint8_t mode)
{
	/* A source of this host's own: of the packet itself, or of the packet around it. */
	bool needs_source = mode == MUSTER_MODE_FULLNAT || mode == MUSTER_MODE_IPIP || mode == MUSTER_MODE_GUE;

	if (kernel->hops[index].state == HOP_LOCAL)
		return false;
	return !needs_source || kernel->servers[index].sources > 0;
}

void hops_reroute(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		struct hop *hop = &kernel->hops[i];

		if (!hop->wanted)
			continue;
		if (ask_route(kernel, hop) || hop->state != HOP_GOOD)
			ask_neighbour(kernel, hop);
		write_record(kernel, i, false); /* the egress interface's own address may be what changed */
	}
}

void hops_neighbours_again(struct kernel *kernel)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		if (!kernel->hops[i].wanted)
			continue;
		ask_neighbour(kernel, &kernel->hops[i]);
		write_record(kernel, i, false);
	}
}

void hops_neighbour(struct kernel *kernel, const struct netlink_neighbour *neighbour)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		struct hop *hop = &kernel->hops[i];

		if (!hop->wanted || hop->route_error || hop->state == HOP_LOCAL ||
		    hop->route.ifindex != neighbour->ifindex || !takes_frames(kernel, hop) ||
		    !address_equal(&hop->route.via, &neighbour->addr))
			continue;
		take_neighbour(kernel, hop, neighbour);
		write_record(kernel, i, false);
	}
}

void hops_tick(struct kernel *kernel, uint32_t second)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		struct hop *hop = &kernel->hops[i];
		bool due = (i + second) % REFRESH_EVERY_S == 0;

		if (!hop->wanted || (hop->state == HOP_GOOD && !due))
			continue;
		/* A route that could not be had may be there now, although no event said so (policy rules). */
		if ((hop->route_error || hop->state == HOP_LOCAL) && due)
			ask_route(kernel, hop);
		ask_neighbour(kernel, hop);
		write_record(kernel, i, due);
	}
}

/* The event names the neighbour that the program met; it may be a client's, so it need not be one of ours. */
void hops_resolve(struct kernel *kernel, const struct muster_event *event)
{
	struct netlink_neighbour neighbour = {0};
	struct netlink_route route;

	if (event->server < MUSTER_MAX_SERVERS && kernel->hops[event->server].wanted) {
		ask_neighbour(kernel, &kernel->hops[event->server]);
		write_record(kernel, event->server, false);
		return;
	}
	if (netlink_route(&kernel->netlink, &event->tuple.dst, &route) == 0 && !route.local && route.ifindex)
		(void)look_up(kernel, &route, &neighbour);
}

enum hop_state kernel_hop(struct kernel *kernel, uint32_t index, struct muster_hop *out)
{
	if (index >= MUSTER_MAX_SERVERS)
		return HOP_UNKNOWN;
	if (out)
		*out = kernel->servers[index].hop;
	return kernel->hops[index].state;
}
