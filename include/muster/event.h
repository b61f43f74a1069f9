/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program tells the agent through the ring buffer muster_events: seldom, rate-limited, and never
 * needed for forwarding. Losing one costs a delay, not correctness.
 */
#ifndef MUSTER_EVENT_H
#define MUSTER_EVENT_H

#include <linux/types.h>
#include <muster/maps.h>

#define MUSTER_EVENTS(X)                                                                                               \
	X(NO_NEIGHBOUR, no_neighbour, "a next hop has to be resolved")                                                 \
	X(POOL_EMPTY, pool_empty, "a client met an empty pool")                                                        \
	X(TABLE_FULL, table_full, "a flow found no room")                                                              \
	X(NO_PORT, no_port, "a flow found no source port")                                                             \
	X(BAD_CHECKSUM, bad_checksum, "a sender leaves checksums to hardware that is not there")                       \
	X(REFUSED, refused, "a server refused a connection")                                                           \
	X(UNANSWERED, unanswered, "a client had to send its SYN again")                                                \
	X(RESET, reset, "a server reset a connection")                                                                 \
	X(ERROR_STATUS, error_status, "a server answered 5xx")

enum muster_event_kind {
#define X(NAME, name, text) MUSTER_EVENT_##NAME,
	MUSTER_EVENTS(X)
#undef X
		MUSTER_EVENTS_N
};

struct muster_event {
	__u32 kind;                /* enum muster_event_kind */
	__u32 ifindex;             /* where the packet came in */
	__u32 service;             /* index, or ~0 */
	__u32 server;              /* index, or ~0 */
	struct muster_tuple tuple; /* as the packet came; for NO_NEIGHBOUR dst is the hop to resolve */
};
_Static_assert(sizeof(struct muster_event) == 56, "muster_event is ABI");

#endif
