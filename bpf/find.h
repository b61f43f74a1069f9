/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entry that a packet belongs to. Most packets find it in the first bucket of their key, among the proven flows: that
 * way is written out here; a SYN, and all that is not found so, looks further.
 */
#ifndef MUSTER_BPF_FIND_H
#define MUSTER_BPF_FIND_H

#include "table.h"

static __always_inline bool one_way(__u8 mode)
{
	return mode != MUSTER_MODE_FULLNAT && mode != MUSTER_MODE_NAT;
}

/* Is the flow's server still the one that it was opened with? Whether the addresses are, its key has said. */
static __always_inline bool server_holds(const struct muster_flow *flow, const struct muster_server *server,
					 const struct muster_service *service)
{
	return server->service == flow->service && server->state != MUSTER_SERVER_FREE &&
	       (!server->port || server->port == flow->server_port) &&
	       (server->generation == flow->generation || service->on_down == MUSTER_ON_DOWN_KEEP);
}

/* The first way whose tag has the hash; MUSTER_WAYS: none. Most buckets have it where the last one had. */
static __always_inline __u32 way_of(const struct muster_bucket *bucket, __u64 hash)
{
#pragma unroll
	for (__u32 way = 0; way < MUSTER_WAYS; way++)
		if (!((tag_read(&bucket->tag[way]) ^ hash) >> MUSTER_HASH_SHIFT))
			return way;
	return MUSTER_WAYS;
}

/* The entry's records become the packet's. */
static __always_inline bool take_records(struct packet *p)
{
	__u32 index = p->slot.flow->service;

	p->service = bpf_map_lookup_elem(&muster_services, &index);
	index = p->slot.flow->server;
	p->server = bpf_map_lookup_elem(&muster_servers, &index);
	return p->service && p->server;
}

/* The packet's entry with its records, where it is found at once. Whether it lives is for the caller to ask: is_proven(). */
static __always_inline bool find_at_once(struct packet *p)
{
	__u32 table = proven_table(p->config);
	__u32 index = muster_bucket_first(p->hash, p->config->bucket_mask[table]), way;
	struct muster_bucket *bucket = bucket_at(table, index);

	if (!bucket)
		return false;
	way = opaque(way_of(bucket, p->hash), p->frame_bytes);
	if (way >= MUSTER_WAYS)
		return false;
	slot_of(&p->slot, bucket, way);
	/* Else clang makes the pointer anew each time, from bucket and way. */
	barrier_var(p->slot.flow);
	if (!take_records(p) || !flow_is(p->slot.flow, &p->key, p->service, p->server))
		return false;
	p->ref = MUSTER_REF(table, index, way);
	return true;
}

/* The place of `key`'s entry in any table: a SYN's is likely among the half-open ones. */
__noinline __u32 flow_seek(const struct muster_tuple *key, __u64 hash, __u32 syn)
{
	__u32 zero = 0, ref = MUSTER_NOWHERE;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);

	if (!key || !config)
		return ref;
	if (syn)
		ref = half_open_seek(key, hash);
	if (ref == MUSTER_NOWHERE)
		ref = proven_seek(key, hash, config);
	if (ref == MUSTER_NOWHERE && !syn)
		ref = half_open_seek(key, hash);
	/* It may have moved between the two looks. */
	if (ref == MUSTER_NOWHERE && !syn)
		ref = table_seek(key, hash, proven_table(config));
	return ref;
}

/* The packet goes on with the entry at p->ref, if that one is of its flow: a stage apart has found, opened or moved it. */
static __always_inline bool hold(struct packet *p)
{
	p->config = config_of();
	if (!p->config || !slot_at(&p->slot, p->ref) || !tag_has(p->slot.seen, p->hash) || !take_records(p))
		p->slot.flow = NULL;
	return p->slot.flow;
}

/* The flow at p->ref becomes the packet's, if its server is still the one that it was. */
static __always_inline bool take_flow(struct packet *p)
{
	const struct muster_service *service;
	const struct muster_server *server;
	struct slot slot;

	if (!slot_at(&slot, p->ref))
		return false;
	p->service_index = slot.flow->service;
	p->server_index = slot.flow->server;
	service = service_of(p);
	server = server_of(p);
	if (service && server && server_holds(slot.flow, server, service))
		return true;
	p->service_index = p->server_index = NONE;
	return false;
}

static __always_inline void find(struct packet *p)
{
	p->hash = flow_hash(p->config, &p->key);
	p->ref = flow_seek(&p->key, p->hash, p->tcp_flags & TCP_SYN);
	hold(p);
}

#endif
