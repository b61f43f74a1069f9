/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Internet checksums (RFC 1071, RFC 1624). Sums are of 16-bit words as they lie in memory, whatever the host's
 * byte order. A v4-mapped address sums like the IPv4 address in it: its prefix adds 0xffff, which is zero.
 */
#ifndef MUSTER_BPF_CHECKSUM_H
#define MUSTER_BPF_CHECKSUM_H

#include "packet.h"

/* What one hop less does to the IPv4 header's checksum. */
#define TTL_DIFF (0xffff - bpf_htons(0x0100))

#define SUM_WORDS_MOST 34 /* the longest ICMP error, refuse.h; a TCP header has 15 */

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u64 sum_addr(const struct muster_addr *addr)
{
	return (__u64)addr->word[0] + addr->word[1] + addr->word[2] + addr->word[3];
}

static __always_inline __u64 sum_pseudo(const struct muster_addr *a, const struct muster_addr *b, __u8 proto,
					__u32 bytes)
{
	return sum_addr(a) + sum_addr(b) + bpf_htons(proto) + bpf_htonl(bytes);
}

/* `words` 32-bit words at `at`, as many as lie before `end`; -1: they do not all. */
static __always_inline __s64 sum_words(const void *at, const void *end, __u32 words, __u32 most)
{
	const __u32 *word = at;
	__u64 sum = 0;

	for (__u32 i = 0; i < most; i++) {
		if (i >= words)
			break;
		/* Else clang moves the bound instead of the pointer, which the verifier does not allow. */
		barrier_var(word);
		if ((const void *)(word + 1) > end)
			return -1;
		sum += *word++;
	}
	return sum;
}

/*
 * The folded sum of the packet's `words` 32-bit words from `offset` on: headers, or an ICMP error. -1: they are not all
 * there. Global: verified once (table.h).
 */
__noinline int sum_packet(struct xdp_md *ctx, __u32 offset, __u32 words)
{
	__s64 sum = sum_words(packet_data(ctx) + (offset & 0xff), packet_end(ctx), words, SUM_WORDS_MOST);

	return sum < 0 ? -1 : fold(sum);
}

/* The difference that turns a checksum over `from` into one over `to` (RFC 1624: ~m + m'). */
static __always_inline __u64 diff_addr(const struct muster_tuple *from, const struct muster_tuple *to)
{
	__u64 old = fold(sum_addr(&from->src) + sum_addr(&from->dst));

	return (old ^ 0xffff) + sum_addr(&to->src) + sum_addr(&to->dst);
}

static __always_inline __u64 diff_ports(const struct muster_tuple *from, const struct muster_tuple *to)
{
	return (from->sport ^ 0xffff) + (from->dport ^ 0xffff) + to->sport + to->dport;
}

/* `diff`: one 16-bit word. The sum of two has at most one carry, and taking it in makes no other. */
static __always_inline __u16 apply_short(__u16 check, __u16 diff)
{
	__u32 sum = (check ^ 0xffff) + diff;

	return ~(sum + (sum >> 16));
}

/* `diff`: a sum of at most a few 16-bit words. */
static __always_inline __u16 apply_diff(__u16 check, __u32 diff)
{
	__u32 sum = (check ^ 0xffff) + diff;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

#endif
