// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet's way in words, a sentence a stage, named and ordered as the program's own (bpf/muster.bpf.c). */
#include "why.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include <muster/verdict.h>

#include "../address.h"
#include "../config.h"
#include "status.h"

enum stage { PARSE, FLOW, SERVICE, ADMIT, PICK, CLAIM, REWRITE, EGRESS };

static void say(json_t *out, const char *stage, const char *format, ...) _printf_(3, 4);
static void say(json_t *out, const char *stage, const char *format, ...)
{
	char line[320];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	json_array_append_new(out, json_pack("{s:s, s:o}", "stage", stage, "text", status_text(line)));
}

/* The stage that had the last word. */
static enum stage last_stage(const struct why *why)
{
	switch (why->trace.verdict) {
	case MUSTER_VERDICT_NOT_IP:
	case MUSTER_VERDICT_NOT_TRANSPORT:
	case MUSTER_VERDICT_MALFORMED:
	case MUSTER_VERDICT_FRAGMENT:
	case MUSTER_VERDICT_FRAGMENT_LATE:
		return PARSE;
	case MUSTER_VERDICT_SERVER_DOWN:
	case MUSTER_VERDICT_SERVER_DOWN_LATE:
		return FLOW;
	case MUSTER_VERDICT_NO_SERVICE:
		return SERVICE;
	case MUSTER_VERDICT_POOL_EMPTY:
	case MUSTER_VERDICT_POOL_EMPTY_DROP:
	case MUSTER_VERDICT_POOL_EMPTY_PASS:
	case MUSTER_VERDICT_NO_FLOW:
	case MUSTER_VERDICT_NO_FLOW_QUIET:
	case MUSTER_VERDICT_BAD_CHECKSUM:
	case MUSTER_VERDICT_TTL_EXCEEDED:
		return ADMIT;
	case MUSTER_VERDICT_POOL_FULL:
		return PICK;
	case MUSTER_VERDICT_NO_PORT:
	case MUSTER_VERDICT_TABLE_FULL:
		return CLAIM;
	default:
		return EGRESS;
	}
}

static void parse(const struct why *why, json_t *out)
{
	const char *family = address_is_v4(&why->packet.src) ? "IPv4" : "IPv6";

	if (why->packet.proto == IPPROTO_UDP)
		say(out, "parse", "UDP over %s", family);
	else
		say(out, "parse", "TCP over %s, %s", family,
		    why->tcp_flags & WHY_SYN   ? "a SYN"
		    : why->tcp_flags & WHY_RST ? "a RST"
		    : why->tcp_flags & WHY_FIN ? "a FIN"
					       : "an ACK");
}

static void flow(const struct why *why, json_t *out)
{
	if (last_stage(why) == FLOW)
		say(out, "flow", "that of %s, which is down", why->server.name);
	else if (why->trace.opened || !why->trace.tag)
		say(out, "flow", "none goes on here");
	else
		say(out, "flow", "%s, with %s, idle for %u s", why_flow_state(why), why->server.name, why->idle_s);
}

static void service(const struct why *why, json_t *out)
{
	if (last_stage(why) == SERVICE)
		say(out, "service", "none has this address and port");
	else
		say(out, "service", "%s: %s, %s", why->service.name, config_mode_name(why->service.mode),
		    config_scheduler_name(why->service.scheduler));
}

static void admit(const struct why *why, json_t *out)
{
	if (last_stage(why) == ADMIT)
		say(out, "admit", "no: %s", why_verdict_text(why));
	else if (why->trace.late)
		say(out, "admit", "yes, though late: its flow began elsewhere, or was pushed out by a flood");
	else
		say(out, "admit", "yes, it opens a flow");
}

static void pick(const struct why *why, json_t *out)
{
	char addr[ADDRESS_TEXT_SIZE], how[96];

	address_format(&why->server.addr, addr);
	if (why_takes_turn(why))
		snprintf(how, sizeof(how), "turn %llu of a table of %llu slots", (unsigned long long)why->turn,
			 (unsigned long long)why->slots);
	else if (why->trace.hashed)
		snprintf(how, sizeof(how), "by the flow's hash");
	else
		snprintf(how, sizeof(how), "by the hash of the %s",
			 why->service.scheduler == MUSTER_SCHEDULER_SOURCE ? "client's address" : "flow");
	if (last_stage(why) == PICK)
		say(out, "pick", "nobody: every server is at its max_flows");
	else
		say(out, "pick", "%s at %s, %s", why->server.name, addr, how);
}

static void claim(const struct why *why, json_t *out)
{
	const struct muster_flow *flow = &why->trace.flow;
	char source[ADDRESS_TEXT_SIZE];

	if (last_stage(why) == CLAIM) {
		say(out, "claim", "no: %s", why_verdict_text(why));
		return;
	}
	switch (flow->mode) {
	case MUSTER_MODE_FULLNAT:
		say(out, "claim", "source %s",
		    address_port_format(&why->server.source[flow->source % MUSTER_MAX_SOURCES], flow->nat_port,
					source));
		break;
	case MUSTER_MODE_NAT:
		say(out, "claim", "the client's own port, %u", be16toh(flow->nat_port));
		break;
	default:
		say(out, "claim", "nothing: answers do not come this way");
	}
}

static void rewrite(const struct why *why, json_t *out)
{
	const struct muster_flow *flow = &why->trace.flow;
	char from[ADDRESS_TEXT_SIZE], to[ADDRESS_TEXT_SIZE];
	const struct muster_addr *source = flow->mode == MUSTER_MODE_FULLNAT
						   ? &why->server.source[flow->source % MUSTER_MAX_SOURCES]
						   : &flow->client;

	if (flow->dir == MUSTER_TO_CLIENT)
		say(out, "rewrite", "%s -> %s", address_port_format(&why->service.addr, flow->vip_port, from),
		    address_port_format(&flow->client, flow->client_port, to));
	else if (flow->mode == MUSTER_MODE_DR)
		say(out, "rewrite", "the link addresses alone");
	else if (flow->mode == MUSTER_MODE_IPIP || flow->mode == MUSTER_MODE_GUE)
		say(out, "rewrite", "unchanged, in a tunnel %s -> %s", address_format(&why->server.source[0], from),
		    address_format(&why->server.addr, to));
	else
		say(out, "rewrite", "%s -> %s", address_port_format(source, flow->nat_port, from),
		    address_port_format(&why->server.addr, flow->server_port, to));
}

static void egress(const struct why *why, json_t *out)
{
	const uint8_t *mac = why->hop_dst;

	if (why_is_forwarded(why))
		say(out, "egress", "by %s, to %02x:%02x:%02x:%02x:%02x:%02x",
		    *why->egress ? why->egress : "an interface that is gone", mac[0], mac[1], mac[2], mac[3], mac[4],
		    mac[5]);
	else
		say(out, "egress", "no: %s", why_verdict_text(why));
}

json_t *why_stages_json(const struct why *why)
{
	static void (*const stages[])(const struct why *why, json_t *out) = {
		[PARSE] = parse, [FLOW] = flow,   [SERVICE] = service, [ADMIT] = admit,
		[PICK] = pick,   [CLAIM] = claim, [REWRITE] = rewrite, [EGRESS] = egress};
	enum stage last = last_stage(why);
	json_t *out = json_array();

	for (int i = PARSE; i <= (int)last; i++) {
		/* A flow that is there needs nothing of what opens one. */
		if (i > FLOW && i < REWRITE && why->trace.tag && !why->trace.opened)
			continue;
		stages[i](why, out);
	}
	return out;
}
