/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Smooth weighted round robin as a table. Turn by turn each server gains its share in credit, and the one that serves
 * pays one turn. Who serves is decided by deadline (Tijdeman's answer to the chairman assignment problem, 1980): of those
 * whose credit allows a turn, the one whose credit would soonest grow too large. The plain rule "most credit serves"
 * lets a server drift more than one turn from its share when there are many; this one keeps every server within
 * 1 - 1 / (2 n - 2) of a turn of its share after any number of turns, and gives equal weights in plain rotation. Pure.
 *
 * Time: length x log n. 1,000 servers with weights from 1 to 256 (65,535 slots): see tests/unit/policy/test_wrr.c.
 */
#ifndef MUSTER_POLICY_WRR_H
#define MUSTER_POLICY_WRR_H

#include "../base.h"

/* Sum of weights after division by their common divisor; above `cap` they are scaled down to it. 0: all zero. */
size_t wrr_length(const uint32_t *weights, size_t n, size_t cap);

/*
 * Fills slots[0..length) with indices into weights; length from wrr_length(). Scaled down, each count is within
 * one slot of its exact share, and a weight above 0 has at least one slot where there are enough.
 *
 * `credit` (n, in units of one turn = 1.0) is where the rotation starts, so that a change of weights keeps what each
 * server is owed; NULL: zero. Credit of a server with weight 0 is forgotten, and what then is missing to a sum of 0
 * is shared by weight. Credit shifts the start of the rotation; the counts in the table stay exact.
 * Returns 0 or -ENOMEM (slots are then undefined).
 */
int wrr_build(const uint32_t *weights, size_t n, const double *credit, uint32_t *slots, size_t length);

/*
 * What each server is owed after `turns` turns of a table: credit += turns x share - turns taken. In place. The share is
 * the table's own (count / length), so that scaling never makes a debt that no table can pay.
 */
void wrr_settle(const uint32_t *weights, size_t n, const uint32_t *slots, size_t length, uint64_t turns,
		double *credit);

#endif
