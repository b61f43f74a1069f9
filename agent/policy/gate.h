/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capacity gate: before weights of a pool change, would those that get more carry it? Pure.
 *
 * What the pool carries: of the last hour the busiest minute's new flows and the most live flows, or those of now where
 * they are more; for a change that lasts (a removal, a configuration), of the last day: a quiet night proves nothing for the noon. After the change each server gets its weight's share; one at its max_flows passes the rest on.
 *  - yes: each has carried as much in the last day, with memory above soft, no refusal and no 5xx; or its max_flows has room;
 *  - no: the last one would go; the pool's max_flows have no room; memory would fall below hard, by what a live flow takes; or it
 *    is forecast to fall below hard while the change lasts, sooner by as much as the server's share grows;
 *  - unknown: else. Allowed, with a warning, where a healthy server above soft stays.
 * A server that gets no more than before is not asked.
 */
#ifndef MUSTER_POLICY_GATE_H
#define MUSTER_POLICY_GATE_H

#include "history.h"

/* From the best to the worst. */
enum gate_word { GATE_YES, GATE_UNKNOWN, GATE_NO };

enum gate_reason {
	GATE_NO_MORE,    /* nobody gets more */
	GATE_PROVEN,     /* it has carried as much */
	GATE_ROOM,       /* its max_flows has room */
	GATE_NO_HISTORY, /* nothing is known of it yet */
	GATE_UNPROVEN,   /* it has not carried as much */
	GATE_ILL,        /* it is not healthy now */
	GATE_SOFT,       /* memory is, or would be, below soft */
	GATE_HARD,       /* memory would be below hard */
	GATE_FORECAST,   /* memory will be below hard, while the change lasts */
	GATE_FULL,       /* the pool's max_flows have no room */
	GATE_LAST,       /* nobody would serve */
};

struct gate_server {
	const char *name;
	uint32_t before, after;               /* weight in effect, 1/100 */
	uint32_t limit_before, limit;         /* max_flows; 0: none */
	bool healthy, above_soft;             /* both: it may bear what is not known */
	const struct history *history;        /* NULL: none */
	uint32_t live;                        /* flows, now */
	int64_t available_bytes, total_bytes; /* of memory; 0: not known */
	uint32_t soft_pct, hard_pct;
	bool ends; /* its memory, at this rate */
	int64_t hard_in_ms, exhausted_in_ms;
	/* out */
	uint32_t flows_after, live_after; /* a minute; at once */
	bool history_known;
	struct history_proven proven;
	double bytes_a_flow;  /* 0: not known */
	double available_pct; /* after the change; < 0: not known */
	double growth;        /* of its share; 1: none, or it had none */
	enum gate_word word;
	enum gate_reason reason;
};

struct gate_answer {
	enum gate_word word;
	enum gate_reason reason;
	size_t at;            /* the server on which it hangs */
	bool allowed;         /* without --force */
	uint32_t flows, live; /* that the pool carries: new ones a minute, live ones */
	uint32_t over;        /* GATE_FULL: live flows without room */
	int64_t for_ms;       /* as it was asked */
};

/* `for_ms`: how long the change lasts. */
#define GATE_LASTING INT64_MAX
void gate_judge(struct gate_server *servers, size_t n, int64_t wall_ms, int64_t for_ms, struct gate_answer *out);

/* One sentence with the numbers, without its end; "" when nobody gets more. */
void gate_text(const struct gate_server *servers, const struct gate_answer *answer, char *out, size_t size);
const char *gate_word_name(enum gate_word word);

#endif
