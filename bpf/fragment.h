/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 fragments. The first one has the ports, and is like any packet of its flow; it leaves a note, by which those that
 * come after it find the flow. One that came before it, and IPv6's, are the host's.
 */
#ifndef MUSTER_BPF_FRAGMENT_H
#define MUSTER_BPF_FRAGMENT_H

#include "find.h"
#include "rewrite.h"

/* What the fragments of one datagram have in common (RFC 791), as they came. */
static __always_inline bool fragment_key(struct muster_fragment *key, struct xdp_md *ctx, __u32 l3_offset)
{
	const struct iphdr *ip = packet_data(ctx) + (l3_offset & 0xff);

	if ((void *)(ip + 1) > packet_end(ctx))
		return false;
	__builtin_memset(key, 0, sizeof(*key));
	key->src.word[2] = key->dst.word[2] = bpf_htonl(0xffff);
	key->src.word[3] = ip->saddr;
	key->dst.word[3] = ip->daddr;
	key->id = ip->id;
	key->proto = ip->protocol;
	return true;
}

/*
 * The others will follow this first one to its flow. Global: verified once (table.h); given numbers alone, because the packet
 * in hand keeps its pointers only where no function gets it.
 */
__noinline int remember(struct xdp_md *ctx, __u32 l3_offset, __u32 ref)
{
	struct muster_fragment key;

	if (!dry_run && fragment_key(&key, ctx, l3_offset))
		bpf_map_update_elem(&muster_fragments, &key, &ref, BPF_ANY);
	return 0;
}

/* Is the entry at p->ref still that of packets between these addresses? Then p->key is theirs, ports included. */
static __always_inline bool still_theirs(struct packet *p, const struct muster_fragment *fragment)
{
	struct muster_config *config = config_of();
	struct slot slot;

	if (!config || !slot_at(&slot, p->ref) || !flow_key(&p->key, slot.flow, slot.flow->dir))
		return false;
	p->hash = flow_hash(config, &p->key);
	return p->key.proto == fragment->proto && same_addr(&p->key.src, &fragment->src) &&
	       same_addr(&p->key.dst, &fragment->dst) && slot_holds(&slot);
}

/* There are no ports to rewrite, and no checksum but the IP header's. */
static __always_inline int rewrite_fragment(struct xdp_md *ctx, const struct packet *p)
{
	const struct muster_service *service = service_of(p);
	const struct muster_server *server = server_of(p);
	struct endpoints to;
	struct slot slot;

	if (!service || !server || !slot_at(&slot, p->ref))
		return -MUSTER_VERDICT_RACED;
	if (one_way(slot.flow->mode))
		return 0;
	to = endpoints_of(slot.flow, server, service, slot.flow->dir);
	return rewrite_l3(ctx, p, slot.flow, &to);
}

/* 0: a later fragment of the flow at p->ref, rewritten. Global: verified once (table.h). */
__noinline int fragment(struct xdp_md *ctx, struct packet *p)
{
	struct muster_fragment key;
	struct iphdr *ip;
	__u32 *ref;

	if (!p || p->v6 || !fragment_key(&key, ctx, p->l3_offset))
		return -MUSTER_VERDICT_FRAGMENT;
	ref = bpf_map_lookup_elem(&muster_fragments, &key);
	if (!ref)
		return -MUSTER_VERDICT_FRAGMENT;
	p->ref = *ref;
	p->now = bpf_jiffies64();
	if (!still_theirs(p, &key) || !take_flow(p))
		return -MUSTER_VERDICT_FRAGMENT_LATE;
	ip = packet_data(ctx) + p->l3_offset;
	if ((void *)(ip + 1) > packet_end(ctx) || ip->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	return rewrite_fragment(ctx, p);
}

#endif
