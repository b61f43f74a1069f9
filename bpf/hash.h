/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyed hash of a flow: SipHash with one round a word and three at the end, over the tuple and a salt. The
 * key is drawn once, by whoever comes first, and stays in the pinned configuration: a flow hashes alike on every
 * CPU, for every interface, and after an upgrade, and nobody outside can aim.
 */
#ifndef MUSTER_BPF_HASH_H
#define MUSTER_BPF_HASH_H

#include "packet.h"

static __always_inline __u64 random64(void)
{
	return ((__u64)bpf_get_prandom_u32() << 32) | bpf_get_prandom_u32();
}

/* secret[1] before secret[0]: who sees the latter may use both. */
static __always_inline void draw_secret(struct muster_config *config)
{
	if (*(volatile __u64 *)&config->secret[0])
		return;
	__sync_val_compare_and_swap(&config->secret[1], 0, random64());
	__sync_val_compare_and_swap(&config->secret[0], 0, random64() | 1);
}

static __always_inline __u64 rotate(__u64 value, int by)
{
	return (value << by) | (value >> (64 - by));
}

struct sip {
	__u64 a, b, c, d;
};

static __always_inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotate(s->b, 13) ^ s->a;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a = rotate(s->a, 32);
	s->c += s->b;
	s->a += s->d;
	s->b = rotate(s->b, 17) ^ s->c;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c = rotate(s->c, 32);
}

static __always_inline void sip_word(struct sip *s, __u64 word)
{
	s->d ^= word;
	sip_round(s);
	s->a ^= word;
}

/* Global: verified once (flow.h). */
__noinline __u64 flow_hash(struct muster_config *config, const struct muster_tuple *tuple, __u32 salt)
{
	__u64 word[sizeof(*tuple) / 8];
	struct sip s;

	if (!config || !tuple)
		return 0;
	draw_secret(config);
	s.a = config->secret[0] ^ 0x736f6d6570736575;
	s.b = config->secret[1] ^ 0x646f72616e646f6d;
	s.c = config->secret[0] ^ 0x6c7967656e657261;
	s.d = config->secret[1] ^ 0x7465646279746573;
	__builtin_memcpy(word, tuple, sizeof(*tuple));
#pragma unroll
	for (int i = 0; i < (int)(sizeof(*tuple) / 8); i++)
		sip_word(&s, word[i]);
	sip_word(&s, ((__u64)(sizeof(*tuple) + 4) << 56) | salt);
	s.c ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

#endif
