/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program says of one packet when it is only asked (dry_run): the one element of muster_trace, which is not pinned. */
#ifndef MUSTER_TRACE_H
#define MUSTER_TRACE_H

#include <linux/types.h>
#include <muster/flow.h>

struct muster_trace {
	__u64 tag; /* of the flow below */
	struct muster_flow
		flow; /* the one that the packet belongs to, or would open, toward the server or the client */
	struct muster_tuple key; /* of the packet, as it was read */
	__u32 ref;               /* the flow's place; MUSTER_NOWHERE: it has none yet */
	__u32 service, server;   /* indices; ~0: none */
	__u32 verdict;
	__u32 egress; /* interface index; 0: none */
	__u8 opened;  /* the packet would open the flow */
	__u8 late;    /* without being its first: by hash */
	__u8 flood;   /* server and port follow from hashes now */
	__u8 zero;
};
_Static_assert(sizeof(struct muster_trace) == 136, "muster_trace has no hidden padding");

#endif
