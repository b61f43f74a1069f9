/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders are leases: what an operator said about a server, with an owner, a reason and an end. Pure: clocks come in.
 */
#ifndef MUSTER_POLICY_LEASE_H
#define MUSTER_POLICY_LEASE_H

#include <muster/maps.h>

#include "../base.h"
#include "health.h"

enum order_kind { ORDER_DRAIN, ORDER_WEIGHT, ORDER_MAINTENANCE };

#define LEASE_REASON_SIZE 256
#define LEASE_OWNER_SIZE  64
#define BOOT_ID_SIZE      40
#define MUSTER_OWNER      "muster" /* of what nobody ordered but Muster itself; people have "(uid N)" behind their names */
#define LEASE_ENDLESS_MS  (100LL * 365 * 24 * 3600 * 1000) /* a length: no end */
#define LEASE_WARN_PCT    80                               /* of its time: then its end is announced */
#define LEASE_REMIND_MS   (3600LL * 1000)                  /* an order without end is called to mind this often */

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
	int64_t boot_end_ms;   /* CLOCK_BOOTTIME of that boot */
	int64_t length_ms;     /* from its start to its end; LEASE_ENDLESS_MS and more: it has none */
	int64_t term_ms;       /* what was last granted of that */
	int64_t kill_after_ms; /* so long after its start the flows that are left are reset; 0: never */
	bool no_recall;
	bool pending;       /* not on disk yet: it does not act */
	bool warned;        /* of its end */
	bool overdue;       /* ended, but its server is not healthy: still out, and said so */
	bool killed;        /* the flows that were left have been reset */
	uint32_t reminders; /* given */
	bool suspended;     /* recalled: it stands, but does not act any more */
	int64_t suspended_wall_ms;
	char suspended_why[LEASE_REASON_SIZE];
};

/* Gives `order` its start and end: `for_ms` from now by every clock. */
void lease_start(struct order *order, int64_t for_ms, const struct lease_clock *clock);
/* A new end, `for_ms` from now. What was said about the old one is forgotten. */
void lease_extend(struct order *order, int64_t for_ms, const struct lease_clock *clock, int64_t wall_saved_ms);
bool lease_endless(const struct order *order);
/* An order that an older version saved gets its length from its start and end. */
void lease_of_old(struct order *order);
/* Whether it makes the weight 0 while it acts: a drain, maintenance, or a weight of 0. */
bool lease_holds_out(const struct order *order);

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

/* lease_rebase() for all orders, as a save needs it: what `wall_saved_ms` means changes with it. */
void leases_rebase(struct order *orders, size_t n, const struct lease_clock *clock, int64_t *wall_saved_ms);

/*
 * What time makes of an order, one thing a call until it is LEASE_NOTHING; the order remembers what was said. `health`
 * is its server's; NULL: it is not declared any more. Of an order that holds a server out:
 *  - its end waits for the first check (HEALTH_UNKNOWN), so that nobody is given to clients unseen;
 *  - its end finds the server down: overdue, once, and over as soon as the server is healthy.
 */
enum lease_due {
	LEASE_NOTHING,
	LEASE_KILL,    /* reset the flows that are left, and set `killed`: it may have to wait */
	LEASE_WARN,    /* LEASE_WARN_PCT of its time are over */
	LEASE_REMIND,  /* it has no end, and another hour is over */
	LEASE_OVERDUE, /* from now on */
	LEASE_OVER,    /* the order is to be dropped */
};
enum lease_due lease_step(struct order *order, const struct health *health, const struct lease_clock *clock,
			  int64_t wall_saved_ms);

/* The weight that the standing orders of one server leave: the lowest; `declared` when there is none. */
uint32_t lease_allowed(const struct order *orders, size_t n, uint32_t declared);

/*
 * The order of (service, server) that acts, among orders of any server: of those on disk and not suspended the strictest
 * (maintenance, a drain, else the lowest weight); of two alike the one that ends last. NULL: none acts.
 */
const struct order *lease_acting(const struct order *orders, size_t n, const char *service, const char *server);

/* An order of (service, server) that stands, acting or not, and is not this one (0: any); NULL: none. */
const struct order *lease_other(const struct order *orders, size_t n, const char *service, const char *server,
				uint64_t than);

/* lease_allowed() over the orders of (service, server) alone. */
uint32_t lease_allowed_for(const struct order *orders, size_t n, const char *service, const char *server,
			   uint32_t declared);

/*
 * Which orders of (service, server) the peer `uid` may end: its own; all of them with `force`. Their indices go to
 * `out` (room for n), ascending; returns how many. `others` gets how many stand that it may not end (NULL: not asked).
 */
size_t lease_select(const struct order *orders, size_t n, const char *service, const char *server, uint32_t uid,
		    bool force, size_t *out, size_t *others);

/*
 * The recall (recall.h) of a server's orders. May they be recalled: would the server be allowed to serve without those
 * that are recallable, a drain or a weight of 0 that nobody exempted? Maintenance never is.
 */
bool lease_may_recall(const struct order *orders, size_t n, const char *service, const char *server, uint32_t declared);
bool lease_recallable(const struct order *order);
void lease_suspend(struct order *order, const char *why, const struct lease_clock *clock);

#endif
