/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Smooth weighted round robin as a table (the interleaving of nginx's smooth scheduler): every turn each server
 * gains its weight in credit, the one with most credit serves and pays the sum. Over one length of the table each
 * server has exactly its share; after any number of turns nobody is more than one turn from it. Pure.
 */
#ifndef MUSTER_POLICY_WRR_H
#define MUSTER_POLICY_WRR_H

#include "../base.h"

/* Sum of weights after division by their common divisor; above `cap` they are scaled down to it. 0: all zero. */
size_t wrr_length(const uint32_t *weights, size_t n, size_t cap);

/*
 * Fills slots[0..length) with indices into weights; length from wrr_length(). `credit` (n, in units of one turn =
 * 1.0, sum 0) is where the rotation starts, so that a change of weights keeps what each server is owed; NULL: zero.
 * Credit shifts the start of the rotation; the counts in the table stay exact.
 */
void wrr_build(const uint32_t *weights, size_t n, const double *credit, uint32_t *slots, size_t length);

/* What each server is owed after `turns` turns of a table: credit += turns x share - turns taken. In place. */
void wrr_settle(const uint32_t *weights, size_t n, const uint32_t *slots, size_t length, uint64_t turns,
		double *credit);

#endif
