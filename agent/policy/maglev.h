/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consistent hashing as a table, after Maglev (Eisenbud et al., NSDI 2016). Each server visits the slots in an order of
 * its own, a permutation; turn by turn it takes the first slot of it that is still free. When a server goes, the others
 * keep nearly all that they had, and share out what was its own. Pure.
 *
 * The permutation follows from the server's name alone, by a hash without secret: balancers that know the same servers
 * build the same table, whatever the order of their files and the numbers of their records, so a flow that comes to
 * another balancer finds the server that it had. It is the name and not the address because a machine that gets
 * another address, and a pool that moves to IPv6, then leave every slot where it is. Weights count by their proportions.
 *
 * Weights: each server's number of slots is fixed first, within one of its exact share (shares.h), and turns come in
 * proportion to weight. Integers alone decide, so that machines of any kind agree.
 *
 * Time: slots x log slots, hardly more for many servers than for few: 3 ms for ten and 9 ms for 4,096 servers on a machine
 * under load. Moved, of all slots, in a pool of ten: 10.2 % when one goes, 1.0 % when the weight of one falls by a tenth
 * (tests/unit/policy/test_maglev.c prints the figures).
 */
#ifndef MUSTER_POLICY_MAGLEV_H
#define MUSTER_POLICY_MAGLEV_H

#include "../base.h"

/* A prime, so that any step visits every slot; at least 16 slots a server at the most servers there can be. */
#define MAGLEV_SLOTS 65537

struct maglev_server {
	const char *name; /* of its own */
	uint32_t weight;
};

/*
 * Fills slots[0..MAGLEV_SLOTS) with positions in servers (n, at most MAGLEV_SLOTS of them). Weight 0 has no slot; the
 * sum of the weights must not be 0. 0, or -ENOMEM (slots are then undefined).
 */
int maglev_build(const struct maglev_server *servers, size_t n, uint32_t *slots);

#endif
