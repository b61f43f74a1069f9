/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Do new connections go where the tables say? Pure, each scheduler by its own bound.
 *
 * Round robin is exact: a server's count follows from the turns alone. Tables taken by hash are exact per client address, so
 * there the number of clients is judged, by what chance allows. Least connections is judged by its live flows.
 */
#ifndef MUSTER_POLICY_IMBALANCE_H
#define MUSTER_POLICY_IMBALANCE_H

#include "../base.h"

#define IMBALANCE_FLOWS_LEAST   8  /* new flows in the window, below which turns say nothing */
#define IMBALANCE_CLIENTS_LEAST 50 /* client addresses, below which hashes say nothing */
#define IMBALANCE_Z             4  /* standard deviations that are no chance */
#define IMBALANCE_LIVE_LEAST    50 /* live flows of a pool, below which they say nothing */

enum imbalance { IMBALANCE_UNKNOWN, IMBALANCE_NONE, IMBALANCE_FOUND };

/* One server's part of what was counted. */
struct imbalance_part {
	double expected; /* new flows by the tables in force; clients; or live flows */
	double variance; /* of hashed ones */
	uint64_t counted;
};

/*
 * May a server have been at its max_flows in a second that began with `live` flows, and opened so many? What it is passed over
 * for, others get: such a second follows from no table. 0: no limit.
 */
bool imbalance_limited(uint64_t live, uint64_t opened, uint32_t max_flows);

/*
 * Round robin: an excess over 2, plus one an end of a row of seconds (`ends`: a swap of tables, a second at a limit), plus
 * `skew`: flows that may have come between the reading of one server's counter and another's. `worst` is the part that is
 * furthest off, where one is found.
 */
enum imbalance imbalance_turns(const struct imbalance_part *parts, size_t n, unsigned ends, double skew, size_t *worst);
/* Maglev and source: clients of each server, of `clients` in all. */
enum imbalance imbalance_clients(const struct imbalance_part *parts, size_t n, uint64_t clients, size_t *worst);
/* Least connections: the better of two slots keeps live flows within a quarter of their share and some. */
enum imbalance imbalance_live(const struct imbalance_part *parts, size_t n, size_t *worst);

/*
 * A client with `flows` flows, each of which takes a server of share `share` by hash: adds to the part how many of its servers
 * that one is expected to be.
 */
void imbalance_expect_client(struct imbalance_part *part, double share, uint64_t flows);

#endif
