/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 3, on a miss: which service is addressed. None: the packet is the host's own. */
#ifndef MUSTER_BPF_SERVICE_H
#define MUSTER_BPF_SERVICE_H

#include "packet.h"

#define HINTS 64

/*
 * Which services were found last, by address and port: a hint, each load's own. What a record says of itself counts: it saves
 * a look into the hash table of services where that costs most (opening.h).
 */
static __u16 service_hints[HINTS];

static __always_inline __u32 service_hint(const struct muster_tuple *key)
{
	return (muster_address_bit(&key->dst) ^ bpf_ntohs(key->dport)) % HINTS;
}

/* The service that was addressed by port, if the hint holds; NULL: it is to be looked for. */
static __always_inline struct muster_service *service_hinted(const struct muster_tuple *key, __u32 *index)
{
	__u32 hint = *(volatile __u16 *)&service_hints[service_hint(key)]; /* on the stack: 6.1 takes no other key */
	struct muster_service *record = bpf_map_lookup_elem(&muster_services, &hint);

	*index = hint;
	if (!record || !record->used || record->port != key->dport || record->proto != key->proto ||
	    !same_addr(&record->addr, &key->dst))
		return NULL;
	return record;
}

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
	/* All processors read it: it is written only where it changes. */
	if (vip.port && service_hints[service_hint(&p->key)] != p->service_index)
		service_hints[service_hint(&p->key)] = p->service_index;
	/* A broadcast or multicast frame opens no flow (RFC 1122 4.2.3.10). */
	if ((void *)(eth + 1) > packet_end(ctx) || (eth->h_dest[0] & 1))
		return -MUSTER_VERDICT_NO_SERVICE;
	return 0;
}

#endif
