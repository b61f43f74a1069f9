// SPDX-License-Identifier: GPL-2.0-or-later
#include "why.h"

#include <netinet/in.h>
#include <stdio.h>

#include <muster/verdict.h>

#include "../address.h"
#include "../config.h"
#include "status.h"
#include "verdicts.h"

static uint32_t verdict_of(const struct why *why)
{
	return why->trace.verdict < MUSTER_VERDICTS_N ? why->trace.verdict : MUSTER_VERDICT_NONE;
}

const char *why_verdict_name(const struct why *why)
{
	return verdicts[verdict_of(why)].name;
}

const char *why_verdict_text(const struct why *why)
{
	return verdicts[verdict_of(why)].text;
}

const char *why_flow_state(const struct why *why)
{
	return status_flow_state(muster_tag_state(why->trace.tag));
}

bool why_is_forwarded(const struct why *why)
{
	return verdict_of(why) == MUSTER_VERDICT_TO_SERVER || verdict_of(why) == MUSTER_VERDICT_TO_CLIENT;
}

bool why_has_flow(const struct why *why)
{
	return why->trace.opened || why->trace.tag;
}

bool why_takes_turn(const struct why *why)
{
	return why->slots && !why->trace.hashed &&
	       (why->service.scheduler == MUSTER_SCHEDULER_ROUND_ROBIN ||
		why->service.scheduler == MUSTER_SCHEDULER_LEAST_CONNECTIONS);
}

static json_t *mac_json(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static const char *flag_name(const struct why *why)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {{WHY_SYN, "syn"}, {WHY_RST, "rst"}, {WHY_FIN, "fin"}, {WHY_ACK, "ack"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (why->tcp_flags & names[i].flag)
			return names[i].name;
	return "none";
}

static json_t *packet_json(const struct why *why)
{
	const struct muster_tuple *packet = &why->packet;
	char from[ADDRESS_TEXT_SIZE], to[ADDRESS_TEXT_SIZE];
	bool tcp = packet->proto == IPPROTO_TCP;

	return json_pack("{s:s, s:s, s:s, s:s?, s:s}", "from", address_port_format(&packet->src, packet->sport, from),
			 "to", address_port_format(&packet->dst, packet->dport, to), "protocol", tcp ? "tcp" : "udp",
			 "flag", tcp ? flag_name(why) : NULL, "interface", why->ingress);
}

/* The flow as `muster show flows` has it, but for a new one, which has no state yet. */
static json_t *flow_json(const struct why *why)
{
	const struct muster_flow *flow = &why->trace.flow;
	const struct muster_addr *source = flow->mode == MUSTER_MODE_FULLNAT
						   ? &why->server.source[flow->source % MUSTER_MAX_SOURCES]
						   : &flow->client;
	char client[ADDRESS_TEXT_SIZE], at_server[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE];
	json_t *out;

	if (!why_has_flow(why))
		return json_null();
	out = json_pack("{s:b, s:s, s:s, s:s, s:s}", "new", why->trace.opened, "direction",
			flow->dir == MUSTER_TO_SERVER ? "to_server" : "to_client", "client",
			address_port_format(&flow->client, flow->client_port, client), "source_at_server",
			address_port_format(source, flow->nat_port, at_server), "server_address",
			address_port_format(&why->server.addr, flow->server_port, server));
	json_object_set_new(out, "state", why->trace.opened ? json_null() : json_string(why_flow_state(why)));
	json_object_set_new(out, "idle_s", why->trace.opened ? json_null() : json_integer(why->idle_s));
	return out;
}

static json_t *hop_json(const struct why *why)
{
	if (!why_is_forwarded(why))
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "interface", why->egress, "mac", mac_json(why->hop_dst), "source_mac",
			 mac_json(why->hop_src));
}

/* What to do about a packet that goes nowhere. */
static const char *hint(const struct why *why)
{
	switch (verdict_of(why)) {
	case MUSTER_VERDICT_NO_SERVICE:
		return "`muster show services` lists what clients may ask for";
	case MUSTER_VERDICT_POOL_EMPTY:
	case MUSTER_VERDICT_POOL_EMPTY_DROP:
	case MUSTER_VERDICT_POOL_EMPTY_PASS:
		return "no server of it may be picked: `muster` says of each why";
	case MUSTER_VERDICT_POOL_FULL:
		return "raise max_flows, or give the service another server: muster add";
	case MUSTER_VERDICT_SERVER_DOWN:
		return "a new connection of the client goes to another server";
	case MUSTER_VERDICT_NO_FLOW:
		return "the connection was closed, has been idle for too long, or never began here: the client has to "
		       "connect again";
	case MUSTER_VERDICT_BAD_CHECKSUM:
		return "on the sender run: ethtool -K DEV tx off";
	case MUSTER_VERDICT_TABLE_FULL:
		return "give the table more room: `flows` in musterd's configuration, then muster reload";
	case MUSTER_VERDICT_NO_PORT:
		return "give the service more source addresses";
	case MUSTER_VERDICT_NO_NEIGHBOUR:
	case MUSTER_VERDICT_NO_ROUTE:
		return "look at the link, the route and the address: ip route get, ip neigh";
	case MUSTER_VERDICT_RACED:
		return "ask again";
	default:
		return NULL;
	}
}

static json_t *hints_json(const struct why *why)
{
	json_t *out = json_array();

	if (hint(why))
		json_array_append_new(out, json_string(hint(why)));
	if (!why->carries)
		json_array_append_new(out,
				      json_sprintf("%s carries no program, so real packets that come in by it are not "
						   "balanced: muster attach %s",
						   why->ingress, why->ingress));
	return out;
}

json_t *why_json(const struct why *why)
{
	bool service = why->service.used, server = why->server.state != MUSTER_SERVER_FREE;
	json_t *out = json_pack("{s:i, s:o, s:s, s:s, s:s}", "schema", STATUS_SCHEMA, "packet", packet_json(why),
				"verdict", why_verdict_name(why), "action", verdicts[verdict_of(why)].action, "text",
				why_verdict_text(why));

	json_object_set_new(out, "service", service ? status_text(why->service.name) : json_null());
	json_object_set_new(out, "server", server ? status_text(why->server.name) : json_null());
	json_object_set_new(out, "flow", flow_json(why));
	json_object_set_new(out, "turn",
			    why->trace.opened && why_takes_turn(why) ? json_integer((json_int_t)why->turn)
								     : json_null());
	json_object_set_new(out, "next_hop", hop_json(why));
	json_object_set_new(out, "stages", why_stages_json(why));
	json_object_set_new(out, "hints", hints_json(why));
	return out;
}
