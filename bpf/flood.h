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

/* Half-open flows give way before their time: a flood, from now on until a second after the last of it. */
__noinline int flood_note(__u32 now)
{
	__u32 zero = 0, until;
	struct muster_flood *f = bpf_map_lookup_elem(&muster_flood, &zero);
	struct muster_config *config = config_of();

	if (!f || !config)
		return 0;
	until = (now + config->ticks_per_s) | 1;
	__sync_fetch_and_add(&f->evicted, 1);
	if (until - f->until > config->ticks_per_s / 4)
		f->until = until;
	return 0;
}

#endif
