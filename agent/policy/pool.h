/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arithmetic of a pool: effective = allowed x factor, where allowed is what was declared and ordered, and the
 * factor is the least of what the observers say. Here stand the rules that need the whole pool: how many may be
 * out, never the last one, hold times, the agent suspecting itself, memory's twin rules, fail-open. Pure.
 *
 * Invariant: never all zero while any allowed server answers TCP. "The pool" below: the servers with allowed > 0.
 *
 * Out (pool_out.c). A server whose check fails goes out. At most max_out (at least 1) of the pool may be out, and one
 * always stays; the rest are KEPT at full factor. Where there is no doubt, the limit does not hold them: a server that
 * refuses, whose neighbour is gone, or of which two sources say so serves nobody, and keeping it only sends clients into
 * it. They do count. An ejected server is held out for hold_ms, doubling to hold_max_ms, cleared after 10 good minutes;
 * the hold is ignored when the usable others carry less than half of the pool's allowed weight.
 * Packets (signals.h). A server that refuses its clients' connections goes out at once, while the limit lasts, before any
 * check says so; held only when a check agrees, or none can be asked. With a check that agrees there is no doubt: two
 * sources. Packets never take out the last one: that it refuses, only its check says. One that errs is at its floor.
 * Suspicion: when half of the pool (at least 2) begin to time out within one interval while the kernel counts answers of
 * any, those rows of timeouts change nothing: as long as the kernel hears the server, and hold_ms beyond (a server
 * that nobody hears is gone, not misjudged).
 * hard_down: out, and it refuses, or its neighbour is gone, or two sources say so: its packets and its check refuse, or its
 * check timed out and its memory source fails alike.
 * Never of a server that fail-open gave flows to, and when nobody is usable only of one that refuses.
 *
 * Memory (pool_memory.c). Below hard with another healthy server above soft: 0 for new flows, within max_out. A move of
 * weight for memory never raises a server that is not above soft to more than 1.5 times the share it has without
 * such moves: all factors give way alike until that holds, and memory goes on from there. (POLICY also wants more than
 * 15 min of forecast there: the forecast changes no weight, so it is not asked here.) A server steps down, or is relieved, only
 * for one that is known to have room (memory_room.h): above soft, and read since the other fell short; and relieved only if
 * that one stays above hard with it. While all fall, what saves one ends the other sooner. Who joined less than 2 min ago
 * falls because it takes its part: its last reading counts. Between two servers, moves that were taken back are not made
 * again for a while (pool_moves.c). All equal again, as fail-open: mean memory factor below 0.5, a server below hard that
 * memory's moves gave more than its share, or at least two below hard and nobody usable. It lasts until nobody was below
 * hard for 10 min, or another server joins.
 * Each of these came out of the closed loop in tests/unit/policy/test_memory_loop.c.
 *
 * Short (pool_short): those who are well carry less than half of what the active servers were declared for. Well: usable,
 * not at max_flows, more than 5 min from the end of its memory. So in a pool of two the other one alone
 * is enough while nothing ails it, and short as soon as something does.
 *
 * Slow start (pool_ramp.c). Whoever got no flow before and is to get some comes step by step over slow_start (ramp.h), whatever
 * had kept it out. Not on the agent's first start; not under fail-open; not when nobody serves at full weight, for then
 * its small share would be all of them; and not when a rehearsal is broken off and its server is missed (at_once). Cut to
 * max(2 s, a quarter of the time that the others' memory lasts) when those serving are short. It stands beside the other
 * factors: memory reckons with the weights that will be.
 *
 * Backups (pool_tier.c). A tier stands in when of the servers before it fewer than min_active remain or they are short, at
 * once, by slow start. It steps back when those before it have been enough, at full weight, for hold_ms, by the same steps
 * down. A standby backup is not of the pool: it counts neither as out nor as there.
 *
 * Fail-open. No server of the pool is usable (up or slow, above hard, not asked out by its agent): all that answer TCP
 * get full weight; if none does, all that at least do not refuse. All refuse: the pool is empty, which is no
 * fail-open.
 *
 * Adoption: the caller sets run.effective to what the kernel's record holds, so that a server that serves unhealthily (kept,
 * fail-open) goes on to serve until its first check ended. What the record leaves less than all to is taken for the way of a
 * slow start, and run.resumed_pct says how far it was: where the first reading finds memory short, it was memory's part.
 */
#ifndef MUSTER_POLICY_POOL_H
#define MUSTER_POLICY_POOL_H

#include "health.h"
#include "memory.h"
#include "ramp.h"
#include "signals.h"

/* Why a server's weight is what it is: enum, name in JSON, text. The first that applies, in this order. */
/* clang-format off */
#define POOL_CAUSES(X) \
	X(FULL,          full,          "full weight") \
	X(DECLARED_ZERO, declared_zero, "declared with weight 0") \
	X(ORDERED,       ordered,       "an order holds it at this weight") \
	X(STANDBY,       standby,       "a backup: stands in when the active servers are too few or fall short") \
	X(UNKNOWN,       unknown,       "not checked yet") \
	X(DOWN,          down,          "its check fails") \
	X(REFUSES,       refuses,       "its clients' connections are refused") \
	X(HELD,          held,          "held out after its ejection") \
	X(KEPT,          kept,          "unhealthy, but kept: too many are out, or it is the last one") \
	X(SLOW,          slow,          "answers slowly") \
	X(ERRS,          errs,          "answers 5xx more often than the rest of its pool") \
	X(MEMORY,        memory,        "short of memory") \
	X(AGENT,         agent,         "its own agent asks for less") \
	X(SLOW_START,    slow_start,    "slow start: it is back, and gets more flows step by step") \
	X(STEPS_BACK,    steps_back,    "a backup that is not needed any more: it gets fewer flows step by step") \
	X(FAIL_OPEN,     fail_open,     "the whole pool is short: all that answer share equally") \
	X(SUSPECT,       suspect,       "too many time out at once: the agent suspects itself and holds still")
/* clang-format on */
enum pool_cause {
#define X(NAME, name, text) POOL_CAUSE_##NAME,
	POOL_CAUSES(X)
#undef X
		POOL_CAUSES_N
};

struct pool_member {
	/* in */
	uint32_t declared; /* weight */
	uint32_t allowed;  /* weight after orders: never above declared unless ordered so */
	bool ordered;      /* an order stands */
	const struct health *health;
	struct memory *memory;                 /* told when it is relieved; NULL: none */
	const struct memory_conf *memory_conf; /* NULL: none */
	const struct signals *signals;         /* NULL: none */
	/* kept from call to call by the owner */
	struct pool_member_run {
		bool out; /* by observers */
		int64_t out_since_ms;
		int64_t held_until_ms;
		int64_t hold_ms; /* the next ejection's; 0: the first */
		int64_t good_since_ms;
		uint32_t effective; /* 1/100 weight: the answer, and the last one at the next call */
		uint32_t factor_pct;
		enum pool_cause cause;
		int64_t cause_since_ms;
		bool unheld;    /* out by its packets alone: not held until a check agrees */
		bool hard_down; /* out, and sources agree that its flows are dead: raise the generation once */
		bool was_hard;  /* below hard at the last call */
		double share, read_share; /* of the load, but for slow starts: at the last call, when memory was read */
		int64_t read_ms;
		bool served;       /* at the last call */
		int64_t joined_ms; /* when it began to, beside others that did; 0: it did from the start */
		bool fresh;        /* here since the agent's or its service's first start, and not known before */
		bool standby;      /* a backup that is not needed */
		bool at_once;      /* its next return is without a slow start, by its owner's wish */
		struct ramp ramp;
		uint32_t
			resumed_pct; /* adopted in the middle of `ramp`, and not known yet to be no shortage of memory */
		/* of one call, private to the policy */
		struct pool_look {
			bool in;        /* of the pool: allowed > 0 */
			bool still;     /* held as it was: the agent suspects itself */
			bool refuses;   /* its server says so */
			bool gone;      /* nothing there: the neighbour, and its check fails */
			bool agreed;    /* two sources say so */
			bool refusing;  /* its packets say so */
			bool on_word;   /* and nobody else does yet, but will be asked */
			bool wants_out; /* unhealthy */
			bool agent_out; /* asked out by its agent */
			bool serves;    /* not out, and checked */
			bool usable;
			bool relieved;       /* 0 for memory */
			bool opened;         /* fail-open */
			uint32_t floor_pct;  /* least factor of a server that is not out */
			uint32_t other_pct;  /* health and agent */
			uint32_t memory_pct; /* memory */
			uint32_t base_pct;   /* all of these, or fail-open */
			uint32_t ramp_pct;   /* slow start */
		} look;
	} * run;
	bool neighbour_gone; /* the kernel's neighbour entry failed */
	struct pool_forecast {
		bool known;
		int64_t exhausted_in_ms; /* until its memory is */
	} forecast;                      /* for the recall (recall.h) */
	uint32_t tier;                   /* 0: active; else a backup of this tier */
	uint32_t live_flows, max_flows;  /* 0: not known, no limit */
};

/* Where memory's moves lead the load between two servers: what they add to the first one's share. */
struct pool_moves {
	const struct pool_member_run *pair[2]; /* which two; NULL: other than two serve */
	double share;                          /* of the first without the moves */
	double lead, farthest;
	int64_t back_ms;   /* since when they are taken back, so that they are not made again; 0: they are not */
	double limit;      /* how far they may lead then, either way */
	int64_t relief_ms; /* the last relief after that: it stays for a while; 0: none */
	int64_t well_ms;   /* since when all is well; 0: it is not */
};

struct pool_run {
	bool fail_open;
	bool suspect;
	bool started;      /* false until the first call */
	bool memory_short; /* memory's part of fail_open */
	int64_t fail_open_since_ms, suspect_since_ms;
	int64_t short_until_ms;  /* all equal for memory at least until then */
	size_t short_serving;    /* how many served at the last call */
	struct pool_moves moves; /* memory's */
	uint32_t tier;           /* backups up to this tier stand in */
	int64_t enough_since_ms; /* they are not needed since; 0: they are */
	bool known;              /* every active server was, once */
	bool early;              /* the backups stood in before that */
	int64_t next_ms;         /* when the next step of a slow start is due; INT64_MAX: none */
};

/*
 * To be called at each change, each second (holds end by time alone), and at run->next_ms.
 * Decides every member's run (effective, factor, cause, out, hard_down) and the pool's.
 * Returns whether anything in a member's `effective`, `cause` or `hard_down`, or in `run`, changed.
 */
bool pool_weigh(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		int64_t now_ms);

/* How many of `in` servers observers may take out. */
size_t pool_max_out(const struct pool_conf *conf, size_t in);

/* The parts of pool_weigh(), in the order of their use; for pool.c alone. */
void pool_suspect(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		  int64_t now_ms);
void pool_take_out(const struct pool_conf *conf, const struct pool_run *run, struct pool_member *members, size_t n,
		   int64_t now_ms);
void pool_memory(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		 int64_t now_ms);
void pool_memory_opened(struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms);
/* What a server has, or all who serve, in 1/100 weight: with memory's moves given way, and without them. */
struct pool_shares {
	double with, without;
};
struct pool_shares pool_share_of(const struct pool_member *member, uint32_t way_pct);
struct pool_shares pool_shares(const struct pool_member *members, size_t n, uint32_t way_pct);
/* A factor gone so many percent of its way to 100. */
uint32_t pool_given_way(uint32_t pct, uint32_t way_pct);
/* Memory's moves between two (pool_moves.c): whether they may lead so far, and where they lead. */
bool pool_moves_allow(const struct pool_run *run, const struct pool_member *members, size_t n, uint32_t way_pct,
		      int64_t now_ms);
bool pool_moves_stay(const struct pool_run *run, int64_t now_ms);
void pool_moves_note(struct pool_run *run, const struct pool_member *members, size_t n, int64_t now_ms);
void pool_ramp_move(struct pool_member *members, size_t n, int64_t now_ms);
void pool_tier(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
	       int64_t now_ms);
void pool_ramp(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
	       int64_t now_ms);
/* Whether those up to this tier who are well (`rising`: or on the way up) carry less than half of what is declared. */
bool pool_short(const struct pool_member *members, size_t n, uint32_t tier, bool rising);

const char *pool_cause_name(enum pool_cause cause);
const char *pool_cause_text(enum pool_cause cause);
/* Whether it is what an observer saw; else what was declared or ordered. */
bool pool_cause_observed(enum pool_cause cause);

#endif
