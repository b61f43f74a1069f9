/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program says of one packet when it is only asked: loaded a second time, over the same maps, with its switch
 * dry_run set, it writes to none of them but the one element of muster_trace, which is not pinned: each load has its own.
 */
#ifndef MUSTER_TRACE_H
#define MUSTER_TRACE_H

#include <linux/types.h>
#include <muster/flow.h>

/* The section of the object that holds the switch alone, one byte; libbpf makes a read-only map of that name from it. */
#define MUSTER_DRY_RUN ".rodata.dry_run"

struct muster_trace {
	__u64 tag; /* of the flow below; 0: it has none yet */
	/* The one that the packet belongs to, in its direction, or would open. */
	struct muster_flow flow;
	struct muster_tuple key; /* of the packet, as it was read */
	__u32 ref;               /* the flow's place; MUSTER_NOWHERE: it has none yet */
	__u32 service, server;   /* indices; ~0: none */
	__u32 verdict;
	__u32 egress; /* interface index; 0: none */
	__u8 opened;  /* the packet would open the flow */
	__u8 late;    /* without being its first */
	__u8 hashed;  /* server and port follow from its tuple: it is late, or there is a flood */
	__u8 zero;
};
_Static_assert(sizeof(struct muster_trace) == 136, "muster_trace has no hidden padding");

#endif
