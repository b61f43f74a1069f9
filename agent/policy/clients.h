/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which clients have live flows on which servers, of one look at the flow table: what a table taken by hash is judged by. A
 * client with a thousand flows counts once a server. Pure; clients are told apart by 64 bits of hash.
 */
#ifndef MUSTER_POLICY_CLIENTS_H
#define MUSTER_POLICY_CLIENTS_H

#include <muster/maps.h>

#include "../base.h"
#include "imbalance.h"

struct clients;

/* -ENOMEM. */
int clients_new(struct clients **out);
void clients_free(struct clients **clients);

/* One live flow of `service` on `server`, both indices of records. False: no room for more, the look is over. */
bool clients_take(struct clients *clients, const struct muster_addr *client, uint32_t service, uint32_t server);

/*
 * How many clients a service has, and in `part` of one of its servers, which has `share` of the table: how many have flows on
 * it, and how many should. `each_flow`: a client's flows are spread each for itself (Maglev), else all are on one server.
 */
uint64_t clients_of(const struct clients *clients, uint32_t service);
void clients_part(const struct clients *clients, uint32_t service, uint32_t server, double share, bool each_flow,
		  struct imbalance_part *part);

#endif
