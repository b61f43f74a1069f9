/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arithmetic of a pool: effective = allowed x factor, where allowed is what was declared and ordered, and the
 * factor is the least of what the observers say. Here stand the rules that need the whole pool: how many may be
 * out, never the last one, hold times, the agent suspecting itself, memory's twin rules, fail-open. Pure.
 *
 * Invariant: never all zero while any allowed server answers TCP.
 */
#ifndef MUSTER_POLICY_POOL_H
#define MUSTER_POLICY_POOL_H

#include "health.h"
#include "memory.h"

/* Why a server's weight is what it is: enum, name in JSON, text. The first that applies, in this order. */
/* clang-format off */
#define POOL_CAUSES(X) \
	X(FULL,          full,          "full weight") \
	X(DECLARED_ZERO, declared_zero, "declared with weight 0") \
	X(ORDERED,       ordered,       "an order holds it at this weight") \
	X(UNKNOWN,       unknown,       "not checked yet") \
	X(DOWN,          down,          "its check fails") \
	X(HELD,          held,          "held out after its ejection") \
	X(KEPT,          kept,          "unhealthy, but kept: too many are out, or it is the last one") \
	X(SLOW,          slow,          "answers slowly") \
	X(MEMORY,        memory,        "short of memory") \
	X(AGENT,         agent,         "its own agent asks for less") \
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
	const struct memory *memory;
	const struct memory_conf *memory_conf;
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
		bool hard_down; /* out, and sources agree that its flows are dead: raise the generation once */
	} * run;
	bool neighbour_gone; /* the kernel's neighbour entry failed */
};

struct pool_run {
	bool fail_open;
	bool suspect;
	bool started; /* false until the first call */
	int64_t fail_open_since_ms, suspect_since_ms;
};

/*
 * Decides every member's run (effective, factor, cause, out, hard_down) and the pool's.
 * Returns whether anything in a member's `effective`, `cause` or `hard_down`, or in `run`, changed.
 */
bool pool_weigh(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		int64_t now_ms);

const char *pool_cause_name(enum pool_cause cause);
const char *pool_cause_text(enum pool_cause cause);

#endif
