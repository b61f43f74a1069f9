/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 5, on a miss: which server takes the new flow. All policy is in the table that the agent built; a
 * scheduler is a table plus an index function.
 */
#ifndef MUSTER_BPF_PICK_H
#define MUSTER_BPF_PICK_H

#include "admit.h"

/* Round robin: the next turn of the counter that all CPUs share. */
static __always_inline __u32 turn_index(__u64 *turn, __u64 length)
{
	return __sync_fetch_and_add(turn, 1) % length;
}

static __noinline int pick(struct packet *p)
{
	void *picks = bpf_map_lookup_elem(&muster_picks, &p->service_index);
	__u32 element = MUSTER_PICKS_LEN;
	__u64 *length, *turn, *slot;

	if (!picks || !p->service)
		return -MUSTER_VERDICT_NONE;
	length = bpf_map_lookup_elem(picks, &element);
	element = MUSTER_PICKS_TURN;
	turn = bpf_map_lookup_elem(picks, &element);
	if (!length || !turn || !*length)
		return pool_empty(p);
	element = MUSTER_PICKS_SLOT + turn_index(turn, *length);
	slot = bpf_map_lookup_elem(picks, &element);
	if (!slot)
		return pool_empty(p);
	p->server_index = *slot;
	p->server = bpf_map_lookup_elem(&muster_servers, &p->server_index);
	/* A slot that names a freed or foreign record: the table is older than the record. Nobody is there. */
	if (!p->server || p->server->state == MUSTER_SERVER_FREE || p->server->service != p->service_index) {
		p->server_index = NONE;
		return pool_empty(p);
	}
	return 0;
}

#endif
