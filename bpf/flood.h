/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flood of SYNs pushes half-open flows out of their table before their clients' ACKs can come. While it lasts, server and
 * port of a new flow follow from its tuple alone, so that the ACK of an honest client opens the very same flow again.
 */
#ifndef MUSTER_BPF_FLOOD_H
#define MUSTER_BPF_FLOOD_H

#include "packet.h"

#define LATE_S 60 /* after a flood: an ACK that comes later than this belongs to no handshake */

enum flood_state { FLOOD_NOW = 1, FLOOD_LATELY = 2 };

/*
 * Was there ever one? Else nothing stands where only floods put something (table.h). It is noted before the first flow is put
 * there: who claims a key, and is told that there was none, has claimed it before that flow looks for others of its key.
 */
static __always_inline bool flood_ever(void)
{
	__u32 zero = 0;
	struct muster_flood *flood = bpf_map_lookup_elem(&muster_flood, &zero);

	return !flood || *(volatile __u32 *)&flood->until;
}

/* Global: verified once (table.h). */
__noinline int flood_state(__u32 now)
{
	__u32 zero = 0;
	struct muster_flood *flood = bpf_map_lookup_elem(&muster_flood, &zero);
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);

	if (!flood || !config || !flood->until)
		return 0;
	return ((__s32)(flood->until - now) > 0 ? FLOOD_NOW : 0) |
	       ((__s32)(flood->until + LATE_S * config->ticks_per_s - now) > 0 ? FLOOD_LATELY : 0);
}

/* So many half-open flows give way before their time: a flood, from now on until a second after the last of it. */
__noinline int flood_note(__u32 now, __u32 flows)
{
	__u32 zero = 0, until;
	struct muster_flood *f = bpf_map_lookup_elem(&muster_flood, &zero);
	struct muster_config *config = config_of();

	if (!f || !config)
		return 0;
	until = (now + config->ticks_per_s) | 1;
	__sync_fetch_and_add(&f->evicted, flows);
	if (until - f->until > config->ticks_per_s / 4)
		f->until = until;
	return 0;
}

#endif
