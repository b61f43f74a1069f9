/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rehearsal: each server of a pool is taken out in turn, under the load that there is, to see whether the rest would carry the
 * peak. Pure: what is seen comes in each second, what is to be done comes out.
 *
 * It begins, and goes on to the next turn, only when nothing is wrong: no alert is open, no configuration is on trial, every
 * active server serves with its declared weight and no order, and the capacity gate answers `yes`.
 * A turn is broken off, and its server returns at once without a slow start, when the rest passes a limit: one of it is not
 * healthy, refuses, answers 5xx more than the others, is below memory's soft mark, is forecast to run out within recall_before,
 * has less than a tenth of its max_flows left; when clients fail (trial.h); or when an alert opens or somebody else acts.
 * A turn that ends in its time returns its server by slow start; the next one waits until that is over.
 *
 * The order is a lease of little more than the turn (rehearse_lease_ms()): whatever becomes of the agent, it ends.
 *
 * The verdict. Each server of the rest is held against its part of the last day's peak, as the capacity gate shares it out. Memory
 * at the peak: the most that was used in the turn, and for each live flow more what a flow takes, by the history or by what
 * the turn itself showed, whichever is more. yes: its max_flows has room, memory stays above soft, and it carried the peak in
 * the turn or once before, or at least a quarter of it, and the rest is foreseen by memory or bound by max_flows. no: room or
 * memory falls short, or the turn was broken off by a limit. Else it is not known.
 */
#ifndef MUSTER_POLICY_REHEARSE_H
#define MUSTER_POLICY_REHEARSE_H

#include "forecast.h"
#include "history.h"
#include "memory.h"

#define REHEARSE_TEXT_SIZE 512
#define REHEARSE_LEAST_MS  1000
#define REHEARSE_MOST_MS   (60 * 60 * 1000)

/* One server of the pool as it is now. */
struct rehearse_server {
	const char *name;
	bool active;       /* declared with a weight, and no backup */
	bool ordered;      /* an order stands on it */
	bool serves;       /* gets new flows */
	bool whole;        /* healthy, and at its declared weight */
	const char *cause; /* of its weight */
	bool healthy, refuses, errs;
	enum memory_level level;
	uint32_t available_permille;
	bool ends; /* its memory, at this rate */
	int64_t ends_in_ms;
	uint32_t live, max_flows;        /* flows; 0: no limit */
	uint64_t flows;                  /* new ones, counted since ever */
	int64_t used_bytes, total_bytes; /* of memory; 0: not known */
};

struct rehearse_view {
	const struct rehearse_server *server;
	size_t n;
	const char *alert;   /* one that is open; NULL: none */
	const char *doubt;   /* what else speaks against going on; NULL: nothing */
	const char *failing; /* clients fail: the sentence; NULL: they do not */
	const char *gate;    /* between turns: why the gate does not answer `yes` to the next one; NULL: it does */
	const char *over;    /* in a turn: why its order does not hold any more; NULL: it does */
	int64_t forecast_ms; /* an end of memory within this time is a limit */
};

/* One of the rest, in one turn. */
struct rehearse_load {
	size_t at; /* in the pool */
	char name[64];
	/* its part of the peak, and what is known of it */
	uint32_t flows_peak, live_peak; /* new ones a minute; at once */
	struct history_proven proven;
	double bytes_a_flow; /* 0: not known */
	uint32_t max_flows, soft_pct;
	uint32_t over; /* live flows of the peak that find no room in the pool */
	/* seen */
	uint32_t live_before, live_most;
	int64_t used_before, used_most, total_bytes;
	uint64_t flows_before, flows;
	/* found */
	double scale;    /* the peak is so many times what was carried; at least 1 */
	double used_pct; /* of memory at the peak; < 0: not known */
};

enum rehearse_word { REHEARSE_YES, REHEARSE_UNKNOWN, REHEARSE_NO };

struct rehearse_turn {
	char server[64];
	int64_t since_ms, lasted_ms;
	struct rehearse_load *load; /* of the rest */
	size_t n;
	bool done; /* it has a verdict */
	enum rehearse_word word;
	size_t worst;                  /* in `load`: the one on which it hangs */
	char text[REHEARSE_TEXT_SIZE]; /* the verdict: one sentence without its end */
};

enum rehearse_phase {
	REHEARSE_NEXT,  /* between turns */
	REHEARSE_TAKES, /* the order is on its way */
	REHEARSE_OUT,
	REHEARSE_BACK, /* it comes back step by step */
	REHEARSE_OVER,
};

struct rehearse {
	enum rehearse_phase phase;
	int64_t since_ms;         /* of the phase */
	int64_t each_ms, back_ms; /* a turn; the longest way back */
	struct rehearse_turn *turn;
	size_t n, at;
	bool broken; /* off: `why` */
	bool limit;  /* by a limit that the rest passed */
	char why[REHEARSE_TEXT_SIZE];
};

enum rehearse_act {
	REHEARSE_WAITS,
	REHEARSE_TAKE,    /* turn[at] begins: place its order, then rehearse_begin() or rehearse_break() */
	REHEARSE_RETURN,  /* turn[at] has its verdict: its server comes back by slow start */
	REHEARSE_ABANDON, /* broken off: its server comes back at once */
	REHEARSE_END,     /* nobody is out */
};

/* Of the pool's active servers, in their order. -EINVAL: there are fewer than two; -ENOMEM. `slow_start_ms`: of a return. */
int rehearse_new(struct rehearse **out, const struct rehearse_view *view, int64_t each_ms, int64_t slow_start_ms);
void rehearse_free(struct rehearse **rehearse);

/* Each second; once at the start, before anything is done. After REHEARSE_END it waits for ever. */
enum rehearse_act rehearse_step(struct rehearse *rehearse, const struct rehearse_view *view, int64_t now_ms);
/* The order acts. `load`: the rest, with its part of the peak filled in; owned by the turn from now on. */
void rehearse_begin(struct rehearse *rehearse, struct rehearse_load *load, size_t n, const struct rehearse_view *view,
		    int64_t now_ms);
/* From outside: ends it. REHEARSE_ABANDON when a server is out. */
enum rehearse_act rehearse_break(struct rehearse *rehearse, const char *why, int64_t now_ms);

/* How long the order of a turn lasts: so that neither its end nor the announcement of it comes in the turn. */
int64_t rehearse_lease_ms(int64_t each_ms);

/* For the tests, and rehearse_step(): why it does not go on; false: nothing speaks against it. */
bool rehearse_obstacle(const struct rehearse_view *view, char *why, size_t size);
bool rehearse_limit(const struct rehearse_view *view, char *why, size_t size);

/* rehearse_report.c: the verdict of a turn from its loads. */
void rehearse_judge(struct rehearse_turn *turn);
/* The worst of the verdicts; unknown where one is missing. */
enum rehearse_word rehearse_answer(const struct rehearse *rehearse);
/* "web-01 alone", "the other 3": who was left in a turn. */
const char *rehearse_rest(const struct rehearse_turn *turn, char *out, size_t size);
/* Percent of the peak that the turn had, at most 100. */
double rehearse_of_peak_pct(const struct rehearse_turn *turn);
const char *rehearse_word_name(enum rehearse_word word);

#endif
