// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bits that tell the program which keys may be proven (muster/flow.h), made anew by each round of the scan. What a round
 * did not meet is gone, or was entered after the half was cleared: then the program has set its bit in it. Without an agent
 * no bit is cleared, and the program looks oftener where nothing is.
 */
#include "inside.h"

void proven_begin(struct kernel *kernel)
{
	struct muster_proven *proven = kernel->proven;

	memset(proven->word[!proven->in_force], 0, sizeof(proven->word[0]));
	/* The program writes a tag and reads the bit, the scan clears the bit and reads the tag: one sees the other. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void proven_meet(struct kernel *kernel, uint64_t tag)
{
	struct muster_proven *proven = kernel->proven;
	uint32_t bit = muster_proven_bit(tag);

	__atomic_or_fetch(&proven->word[!proven->in_force][bit / 64], 1ULL << bit % 64, __ATOMIC_RELAXED);
}

void proven_end(struct kernel *kernel)
{
	__atomic_store_n(&kernel->proven->in_force, !kernel->proven->in_force, __ATOMIC_SEQ_CST);
}
