/* SPDX-License-Identifier: GPL-2.0-or-later */
/* So many a second and CPU: what keeps answers and events from being used against the host or others. */
#ifndef MUSTER_BPF_LIMIT_H
#define MUSTER_BPF_LIMIT_H

#include "packet.h"

#define EVENTS_PER_S 100

enum limited { LIMIT_ANSWERS, LIMIT_EVENTS, LIMIT_HOPS, LIMIT_SIGNALS };

/* Takes one of this second's; 0 when they are used up. Global: verified once (table.h). */
__noinline int limit_take_at(__u32 now, __u32 what)
{
	__u32 zero = 0;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	struct muster_limits *limits = bpf_map_lookup_elem(&muster_limits, &zero);
	__u32 *used, most;

	if (dry_run)
		return true;
	if (!limits || !config)
		return false;
	if (now - limits->second_start >= config->ticks_per_s) {
		limits->second_start = now;
		__builtin_memset(limits->used, 0, sizeof(limits->used));
	}
	used = &limits->used[what & (MUSTER_LIMITED_N - 1)];
	most = what == LIMIT_ANSWERS ? config->resets_per_s : EVENTS_PER_S;
	if (*used >= most)
		return false;
	++*used;
	return true;
}

static __always_inline bool limit_take(const struct packet *p, enum limited what)
{
	return limit_take_at(p->now, what);
}

#endif
