/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one server carried: the last 60 minutes and the last 24 hours, from counters and readings taken each second. Pure.
 *
 * A minute proves what it carried when memory stayed above soft through it and nobody was refused or answered 5xx.
 * Minutes are those of the wall clock, for they outlive the agent and the host; a clock that is set leaves spans that count
 * as not there. While nobody looked (the agent was away), the kernel went on counting: its counters fill the gap evenly.
 * Such minutes say nothing of live flows, and prove nothing where memory is read, for nobody read it.
 */
#ifndef MUSTER_POLICY_HISTORY_H
#define MUSTER_POLICY_HISTORY_H

#include "../base.h"

#define HISTORY_MINUTES  60
#define HISTORY_HOURS    24
#define HISTORY_GAP_MS   5000  /* between two samples: longer, and nobody looked */
#define HISTORY_EARLY_MS 10000 /* of a minute: less says nothing about its rate */
#define HISTORY_UNKNOWN  UINT32_MAX

/* What clients met, counted since the record began, as the flows are. */
enum history_count {
	HISTORY_RESPONSES, /* HTTP, where they are observed */
	HISTORY_REFUSED,   /* connections */
	HISTORY_ERRORS,    /* responses 5xx */
	HISTORY_RESETS,    /* connections reset by the server after their handshake */
	HISTORY_REPEATED,  /* SYNs sent again, for nobody answered them in time */
	HISTORY_COUNTS,
};

struct history_sample {
	int64_t wall_ms;
	uint64_t flows; /* new ones, counted since the record began */
	uint64_t counts[HISTORY_COUNTS];
	uint32_t live;               /* flows */
	uint32_t available_permille; /* of memory; HISTORY_UNKNOWN */
	int64_t used_bytes;          /* of memory; 0: not known */
	bool watched;                /* memory has a source */
	bool above_soft;             /* or has none */
};

/* A minute; or an hour: of its minutes the greatest figure each, and the sum of what is counted. */
struct history_span {
	int64_t number; /* minutes (hours) since 1970; 0: nothing is known */
	uint32_t flows, live;
	uint32_t proven_flows, proven_live; /* of minutes that prove */
	uint64_t all_flows;                 /* of a minute: `flows` */
	uint32_t counts[HISTORY_COUNTS];
	uint32_t available_permille; /* the least */
	uint32_t live_mean;          /* minutes alone, beside the next one; 0 and 0: not known */
	int64_t used_bytes;
};

struct history {
	struct history_span minute[HISTORY_MINUTES], hour[HISTORY_HOURS];
	/* The minute under way. */
	struct history_now {
		int64_t number;
		double flows;
		uint32_t live, available_permille;
		uint32_t counts[HISTORY_COUNTS];
		bool proves;
		uint32_t samples, memory_samples;
		uint64_t live_sum;
		int64_t used_sum;
	} now;
	/* The last sample. */
	int64_t last_ms; /* 0: there is none to count from */
	uint64_t last_flows, last_counts[HISTORY_COUNTS];
};

void history_feed(struct history *history, const struct history_sample *sample);
/* The counters begin anew (another boot): nothing can be told of the time since the last sample. */
void history_forget_counters(struct history *history);

/* The minute of that number, whole and known; NULL: it is not. */
const struct history_span *history_minute(const struct history *history, int64_t number);
/* The hour of that number, what of it is known; NULL: nothing. */
const struct history_span *history_hour(const struct history *history, int64_t number);
/*
 * The minute as history_minute() has it, or so far as it went where it is under way, or its server is in no pool any more.
 * False: nothing is known.
 */
bool history_minute_so_far(const struct history *history, int64_t number, struct history_span *out);
/*
 * The hour of that number without its minutes from `until` on: counted is what came before, while the greatest and the least
 * are those of the whole hour. False: nothing is known.
 */
bool history_hour_before(const struct history *history, int64_t number, int64_t until, struct history_span *out);
/* Connections that were refused, and responses 5xx: what proves that a minute was none to go by. */
uint64_t history_failures(const uint32_t counts[HISTORY_COUNTS]);
/* New flows of the minute under way, as if it went on like that; HISTORY_UNKNOWN while it is too early to say. */
uint32_t history_flows_now(const struct history *history, int64_t wall_ms);

/* The most that it carried in the last day. False: nothing is known, not even of a part of a minute. */
struct history_proven {
	uint32_t flows; /* new ones, in one minute */
	uint32_t live;
};
bool history_proven(const struct history *history, int64_t wall_ms, struct history_proven *out);

/*
 * Bytes of memory a live flow: the robust slope (Theil-Sen) of used memory on live flows over the last hour. False unless there are 30
 * minutes of both, and the live flows of one were at least twice those of another.
 */
bool history_bytes_a_flow(const struct history *history, int64_t wall_ms, double *out);

#endif
