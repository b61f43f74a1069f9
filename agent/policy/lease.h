/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders are leases: what an operator said about a server, with an owner, a reason and an end. Pure: clocks come in.
 */
#ifndef MUSTER_POLICY_LEASE_H
#define MUSTER_POLICY_LEASE_H

#include <muster/maps.h>

#include "../base.h"

enum order_kind { ORDER_DRAIN, ORDER_WEIGHT };

#define LEASE_REASON_SIZE 256
#define LEASE_OWNER_SIZE  64
#define BOOT_ID_SIZE      40

/* Now, by both clocks, and which boot this is. */
struct lease_clock {
	int64_t now_ms;  /* CLOCK_BOOTTIME */
	int64_t wall_ms; /* CLOCK_REALTIME */
	char boot_id[BOOT_ID_SIZE];
};

struct order {
	uint64_t id;
	enum order_kind kind;
	char service[MUSTER_NAME_SIZE];
	char server[MUSTER_NAME_SIZE];
	uint32_t weight; /* ORDER_WEIGHT */
	char reason[LEASE_REASON_SIZE];
	char owner[LEASE_OWNER_SIZE]; /* "root (uid 0)": from peer credentials */
	uint32_t owner_uid;
	char claim[LEASE_OWNER_SIZE]; /* --as, SUDO_USER; empty: none */
	int64_t wall_start_ms, wall_end_ms;
	char boot_id[BOOT_ID_SIZE];
	int64_t boot_end_ms; /* CLOCK_BOOTTIME of that boot */
	bool pending;        /* not on disk yet: it does not act */
	bool overdue;        /* ended, but its server is not healthy: still out, and said so */
};

/* Gives `order` its start and end: `for_ms` from now by every clock. */
void lease_start(struct order *order, int64_t for_ms, const struct lease_clock *clock);

/*
 * Milliseconds until its end; <= 0: it has ended. Same boot: BOOTTIME decides. After a reboot: the wall end, with
 * now = max(wall, wall_saved); where the wall clock is behind the saved one, the time that remained at the last
 * save runs from this boot's start.
 */
int64_t lease_left_ms(const struct order *order, const struct lease_clock *clock, int64_t wall_saved_ms);

/*
 * Brings the order in line with the clocks, so that the next save holds this boot's end: after a reboot both ends are
 * set anew from what is left; in the same boot the wall end follows BOOTTIME when the wall clock was set.
 */
void lease_rebase(struct order *order, const struct lease_clock *clock, int64_t wall_saved_ms);

/* The weight that the standing orders of one server leave: the lowest; `declared` when there is none. 0 under a drain. */
uint32_t lease_allowed(const struct order *orders, size_t n, uint32_t declared);

/*
 * The order of (service, server) that acts, among orders of any server: of those on disk the strictest (a drain, else the lowest weight);
 * of two alike the one that ends last. NULL: none stands.
 */
const struct order *lease_acting(const struct order *orders, size_t n, const char *service, const char *server);

/* lease_allowed() over the orders of (service, server) alone. */
uint32_t lease_allowed_for(const struct order *orders, size_t n, const char *service, const char *server,
			   uint32_t declared);

/*
 * Which orders of (service, server) the peer `uid` may end: its own; all of them with `force`. Their indices go to
 * `out` (room for n), ascending; returns how many. `others` gets how many stand that it may not end (NULL: not asked).
 */
size_t lease_select(const struct order *orders, size_t n, const char *service, const char *server, uint32_t uid,
		    bool force, size_t *out, size_t *others);

#endif
