/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 3, on a miss: which service is addressed. None: the packet is the host's own. */
#ifndef MUSTER_BPF_SERVICE_H
#define MUSTER_BPF_SERVICE_H

#include "packet.h"

/* Global: verified once (table.h). */
__noinline int service(struct xdp_md *ctx, struct packet *p)
{
	struct ethhdr *eth = packet_data(ctx);
	struct muster_service *record;
	struct muster_vip vip = {};
	__u32 *index;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	vip.addr = p->key.dst;
	vip.port = p->key.dport;
	vip.proto = p->key.proto;

	index = bpf_map_lookup_elem(&muster_vips, &vip);
	if (!index) {
		vip.port = 0;
		index = bpf_map_lookup_elem(&muster_vips, &vip);
	}
	if (!index)
		return -MUSTER_VERDICT_NO_SERVICE;
	p->service_index = *index;
	record = service_of(p);
	if (!record || !record->used)
		return -MUSTER_VERDICT_NO_SERVICE;
	/* A broadcast or multicast frame opens no flow (RFC 1122 4.2.3.10). */
	if ((void *)(eth + 1) > packet_end(ctx) || (eth->h_dest[0] & 1))
		return -MUSTER_VERDICT_NO_SERVICE;
	return 0;
}

#endif
