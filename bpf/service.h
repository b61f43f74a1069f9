/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 3, on a miss: which service is addressed. None: the packet is the host's own. */
#ifndef MUSTER_BPF_SERVICE_H
#define MUSTER_BPF_SERVICE_H

#include "packet.h"

static __always_inline int service(struct xdp_md *ctx, struct packet *p)
{
	struct muster_vip vip = {.addr = p->key.dst, .port = p->key.dport, .proto = p->key.proto};
	struct ethhdr *eth = packet_data(ctx);
	__u32 *index;

	index = bpf_map_lookup_elem(&muster_vips, &vip);
	if (!index) {
		vip.port = 0;
		index = bpf_map_lookup_elem(&muster_vips, &vip);
	}
	if (!index)
		return -MUSTER_VERDICT_NO_SERVICE;
	p->service_index = *index;
	p->service = bpf_map_lookup_elem(&muster_services, &p->service_index);
	if (!p->service || !p->service->used)
		return -MUSTER_VERDICT_NO_SERVICE;
	/* A broadcast or multicast frame opens no flow (RFC 1122 4.2.3.10). */
	if ((void *)(eth + 1) > packet_end(ctx) || (eth->h_dest[0] & 1))
		return -MUSTER_VERDICT_NO_SERVICE;
	return 0;
}

#endif
