/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_AGENT_FNV_H
#define MUSTER_AGENT_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START 0xcbf29ce484222325ULL

/*
 * FNV-1a, 64 bits (Fowler, Noll, Vo: draft-eastlake-fnv): the same bytes, the same sum; whoever chooses the bytes can choose
 * the sum. Goes on from `sum`; the first bytes from FNV_START.
 */
static inline uint64_t fnv(uint64_t sum, const void *bytes, size_t n)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ byte[i]) * 0x100000001b3ULL;
	return sum;
}

#endif
