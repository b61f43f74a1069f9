/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashes of a flow. The table's is keyed: NH, the universal hash of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999;
 * RFC 4418 5.2.2), over the tuple's ten 32-bit words, two of which collide with a chance of 2^-32 whatever they are, and
 * a finalizer that spreads its bits. Five multiplications that do not wait for each other. The key is drawn once, by
 * whoever comes first, and stays in the pinned configuration: a flow hashes alike on every CPU, for every interface and
 * after an upgrade, and nobody outside can aim at a bucket.
 */
#ifndef MUSTER_BPF_HASH_H
#define MUSTER_BPF_HASH_H

#include "packet.h"

static __always_inline __u64 random64(void)
{
	return ((__u64)bpf_get_prandom_u32() << 32) | bpf_get_prandom_u32();
}

/* The last word after the others: who sees it may use all. Global: verified once (table.h). */
__noinline int draw_secret(void)
{
	__u32 zero = 0;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);

	if (!config || dry_run)
		return 0;
	for (int i = 0; i < MUSTER_SECRET_WORDS; i++)
		__sync_val_compare_and_swap(&config->secret[i], 0, random64() | 1);
	return 0;
}

static __always_inline __u64 hash_mix(__u64 hash)
{
	hash ^= hash >> 32;
	hash *= 0x9fb21c651e98df25;
	return hash ^ hash >> 32;
}

static __always_inline __u64 nh(const void *key, const struct muster_tuple *tuple)
{
	const __u32 *k = key, *word = (const void *)tuple;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*tuple) / 4); i += 2)
		sum += (__u64)(word[i] + k[i]) * (__u32)(word[i + 1] + k[i + 1]);
	return sum;
}
_Static_assert(sizeof(struct muster_tuple) <= MUSTER_SECRET_WORDS * 8 - 8, "a key word each, the last one apart");

static __always_inline bool secret_drawn(const struct muster_config *config)
{
	return *(const volatile __u64 *)&config->secret[MUSTER_SECRET_WORDS - 1];
}

static __always_inline __u64 flow_hash_known(const struct muster_config *config, const struct muster_tuple *tuple)
{
	return hash_mix(nh(config->secret, tuple) ^ config->secret[MUSTER_SECRET_WORDS - 1]);
}

static __always_inline __u64 flow_hash(const struct muster_config *config, const struct muster_tuple *tuple)
{
	if (!secret_drawn(config))
		draw_secret();
	return flow_hash_known(config, tuple);
}

/* Of one client's address and port alone: what both directions of a flow in nat carry. */
static __always_inline __u64 client_hash(const struct muster_config *config, const struct muster_addr *addr,
					 __be16 port)
{
	const __u32 *k = (const void *)config->secret;
	__u64 sum = (__u64)(addr->word[0] + k[0]) * (__u32)(addr->word[1] + k[1]) +
		    (__u64)(addr->word[2] + k[2]) * (__u32)(addr->word[3] + k[3]) +
		    (__u64)(port + k[4]) * (__u32)(IPPROTO_TCP + k[5]);

	return hash_mix(sum ^ config->secret[MUSTER_SECRET_WORDS - 1]);
}

/*
 * The hash by which Maglev and source affinity pick: not keyed, so that two balancers with the same configuration pick
 * alike, and one can go on for the other. `salt` tells the flow's from the client's.
 */
static const __u32 public_key[] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
				   0x299f31d0, 0x082efa98, 0xec4e6c89, 0x452821e6, 0x38d01377};

static __always_inline __u64 pick_hash(const struct muster_tuple *tuple)
{
	return hash_mix(nh(public_key, tuple));
}

#endif
