/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many slots of a table each server gets for its weight. Pure. */
#ifndef MUSTER_POLICY_SHARES_H
#define MUSTER_POLICY_SHARES_H

#include "../base.h"

uint64_t shares_sum(const uint32_t *weights, size_t n);

/*
 * Fills counts[0..n), whose sum is `length`: each server's exact share of the slots where that is whole, else the
 * largest remainders are rounded up, the first of equal ones first. A weight above 0 has at least one slot where there
 * are enough. The sum of the weights must not be 0. 0 or -ENOMEM.
 */
int shares_count(const uint32_t *weights, size_t n, size_t length, uint32_t *counts);

#endif
