/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every way a packet leaves the program, in one list: it yields the enum, the names in counters and
 * JSON, what is done to the packet, and the text that operators read. The number of a verdict is ABI
 * (it indexes the muster_verdicts map): append, never reorder.
 *
 * Actions:
 *   PASS     the host's own packet: it goes up untouched, byte for byte
 *   FORWARD  rewritten, and redirected to its server or its client
 *   DROP     ends here
 *   REFUSE   answered to the sender: a TCP RST, or an ICMP "port unreachable" for UDP; "too big" for both
 */
#ifndef MUSTER_VERDICT_H
#define MUSTER_VERDICT_H

/* clang-format off */
#define MUSTER_VERDICTS(X) \
	/*  NAME               name                ACTION   text */ \
	X(NONE,              none,               DROP,    "no verdict: a fault in the program") \
	X(TO_SERVER,         to_server,          FORWARD, "forwarded to a server") \
	X(TO_CLIENT,         to_client,          FORWARD, "answer forwarded to its client") \
	X(NOT_IP,            not_ip,             PASS,    "not IPv4 or IPv6: the host's own") \
	X(NOT_TRANSPORT,     not_transport,      PASS,    "neither TCP nor UDP: the host's own") \
	X(MALFORMED,         malformed,          PASS,    "headers cut short or contradictory: left to the host") \
	X(FRAGMENT,          fragment,           PASS,    "an IP fragment: left to the host") \
	X(NO_SERVICE,        no_service,         PASS,    "for none of the services: the host's own") \
	X(POOL_EMPTY_PASS,   pool_empty_pass,    PASS,    "the pool is empty, and on_empty is pass") \
	X(POOL_EMPTY_DROP,   pool_empty_drop,    DROP,    "the pool is empty, and on_empty is drop") \
	X(POOL_EMPTY,        pool_empty,         REFUSE,  "the pool is empty: the client is refused") \
	X(SERVER_DOWN,       server_down,        REFUSE,  "the flow's server is down: the client is reset") \
	X(SERVER_DOWN_LATE,  server_down_late,   DROP,    "a late answer from a server that is down") \
	X(NO_FLOW,           no_flow,            REFUSE,  "TCP that opens no flow and belongs to none: the client is reset") \
	X(NO_FLOW_QUIET,     no_flow_quiet,      DROP,    "not answered: a RST itself, or beyond the limit on answers a second") \
	X(BAD_CHECKSUM,      bad_checksum,       DROP,    "a SYN with a wrong checksum: its sender has checksum offload left on") \
	X(TTL_EXCEEDED,      ttl_exceeded,       DROP,    "TTL or hop limit used up") \
	X(TABLE_FULL,        table_full,         DROP,    "the flow table has no room") \
	X(NO_PORT,           no_port,            DROP,    "no free source port toward the server") \
	X(NO_NEIGHBOUR,      no_neighbour,       DROP,    "the next hop's link address is not known yet") \
	X(NO_ROUTE,          no_route,           DROP,    "no route to the next hop") \
	X(TOO_BIG,           too_big,            REFUSE,  "larger than the way to the server takes: the sender is told the size") \
	X(EGRESS_FAILED,     egress_failed,      DROP,    "forwarded, but refused by its egress interface (counted while musterd runs)") \
	X(POOL_FULL,         pool_full,          REFUSE,  "every server is at its max_flows: the client is refused") \
	X(RACED,             raced,              DROP,    "its flow's entry changed hands meanwhile") \
	X(FRAGMENT_LATE,     fragment_late,      PASS,    "a fragment whose flow is over: left to the host")
/* clang-format on */

enum muster_verdict {
#define X(NAME, name, ACTION, text) MUSTER_VERDICT_##NAME,
	MUSTER_VERDICTS(X)
#undef X
		MUSTER_VERDICTS_N
};

enum muster_action {
	MUSTER_ACTION_PASS,
	MUSTER_ACTION_FORWARD,
	MUSTER_ACTION_DROP,
	MUSTER_ACTION_REFUSE,
};

#endif
