/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The post-mortems' remedy, done by the agent where a service asks for it (on_memory: recycle): a server that is out of memory
 * is drained, what runs there is restarted by the operator's hook, and it returns. Pure: what is seen comes in each second, what
 * is to be done comes out.
 *
 * Who: of those below memory's hard mark the one that has been there longest, from six readings on (30 s by default), so that no
 * spike and no tooth of a garbage collector restarts anybody. Not by its forecast: a forecast alone changes no weight
 * (forecast.h), and may be wrong by minutes; below hard the server is dying, and with a twin above soft it gets nothing new
 * already, so that it is nearly drained by then.
 * When: nothing speaks against it (another order in the pool, a rehearsal, a configuration on trial, ...), and the capacity
 * gate allows it as it would to people.
 *
 * Its steps: a drain of its own; its live flows reach 0, for which 10 min are waited, and nobody's connection is ever cut; the
 * hook; a check and a reading that ended after it are good, within 5 min; the return, by slow start. Until the hook the order may
 * be recalled as any drain may, and then that was all; from the hook on it may not, for what runs there is being restarted.
 * Whatever fails: the order ends at once, for health and memory know best what the server can be given. It is remembered as
 * failed, for an alert, until a later time succeeds, or its hold is over and it is well.
 *
 * Hold: after each time the server is left alone for 10 min, twice as long each time that the next one comes before the
 * hold has been over for as long as it was, at most a day: a restart that is needed again and again is no remedy.
 *
 * The order is a lease that outlasts all steps: whatever becomes of the agent, it ends by itself. Over a restart of the agent what was under way
 * is forgotten; while its order stands, the server and its pool are left alone.
 */
#ifndef MUSTER_POLICY_RECYCLE_H
#define MUSTER_POLICY_RECYCLE_H

#include "../base.h"

#define RECYCLE_TEXT_SIZE    256
#define RECYCLE_READINGS     6 /* below hard, before anything is done */
#define RECYCLE_DRAIN_MS     (10 * 60 * 1000)
#define RECYCLE_HOOK_MS      (60 * 1000) /* whoever runs it kills it then */
#define RECYCLE_BACK_MS      (5 * 60 * 1000)
#define RECYCLE_LEASE_MS     (30 * 60 * 1000) /* so that the announcement of its end does not come within the steps */
#define RECYCLE_HOLD_MS      (10 * 60 * 1000)
#define RECYCLE_HOLD_MOST_MS (24 * 60 * 60 * 1000)

/* What is remembered of each server. */
struct recycle_past {
	int64_t until_ms, hold_ms; /* left alone until; for how long; 0: it never was recycled */
	int64_t told_ms;           /* hard_since_ms of the time for which it was said why nothing is done */
	bool failed;
	char why[RECYCLE_TEXT_SIZE]; /* it failed */
};

/* One server of the pool as it is now. */
struct recycle_server {
	const char *name;
	struct recycle_past *past;
	bool hard, good; /* its memory: below hard; above soft, or not read at all */
	int64_t hard_since_ms;
	int64_t interval_ms; /* from one reading to the next */
	bool healthy;
	int64_t checked_ms, read_ms; /* the last check and reading; INT64_MAX where there are none to wait for */
	bool ordered;                /* an order stands on it */
	uint32_t live;               /* flows */
};

struct recycle_view {
	const struct recycle_server *server;
	size_t n;
	bool wanted;       /* the service asks for it */
	const char *doubt; /* what speaks against taking the candidate out; NULL: nothing */
	const char *gate;  /* why the capacity gate does not allow it; NULL: it does */
	const char *over;  /* why the order under way does not hold any more; NULL: it does */
};

enum recycle_phase {
	RECYCLE_IDLE,
	RECYCLE_TAKES, /* its order is on its way */
	RECYCLE_EMPTIES,
	RECYCLE_HOOK,
	RECYCLE_BACK, /* until it is well */
};

/* Of a pool: never two at once. */
struct recycle {
	enum recycle_phase phase;
	int64_t since_ms; /* of the phase */
	char server[64];
	bool answered; /* the order, or the hook: `fault` when it failed */
	char fault[RECYCLE_TEXT_SIZE];
	/* of the last act */
	bool failed;
	char why[RECYCLE_TEXT_SIZE];
};

enum recycle_act {
	RECYCLE_RESTS,
	RECYCLE_TELL,    /* once each time that it is below hard: why nothing is done */
	RECYCLE_TAKE,    /* place the order; recycle_answer() says what became of it */
	RECYCLE_RUN,     /* no recall from now on; run the hook; recycle_answer() */
	RECYCLE_WATCH,   /* the hook is done */
	RECYCLE_RETURN,  /* it is well: its order ends */
	RECYCLE_GIVE_UP, /* its order, if any, ends; `failed`, or else only `why` */
};

/* Whom it would be now, for the gate's answer in the view; NULL: nobody. */
const struct recycle_server *recycle_candidate(const struct recycle *recycle, const struct recycle_view *view,
					       int64_t now_ms);
/* Each second. */
enum recycle_act recycle_step(struct recycle *recycle, const struct recycle_view *view, int64_t now_ms);
/* The order acts, or the hook has ended with status 0: fault "". */
void recycle_answer(struct recycle *recycle, const char *fault, int64_t now_ms);

/* "its hook runs": what is done now; "": nothing. */
const char *recycle_phase_name(enum recycle_phase phase);

#endif
