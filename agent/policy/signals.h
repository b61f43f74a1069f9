/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passive signals: what a server's own packets say about it, and what may follow from that. The program counts and tells
 * (bpf/observe.h); here it is judged. Pure.
 *
 * Refusing. The server answers SYNs with RST. Its packets are believed when three clients' SYNs were refused within 10 s
 * with no handshake answered in between: a server that still answers others (a firewall of its own that rejects some
 * addresses) refuses those, not its clients. Or when one was, and a check asked at once is refused as well. A check that
 * is answered ends it, and for a minute then the packets of that server alone are not believed, so that no sender of SYNs
 * from addresses which a server rejects can take it out again and again. Where no check connects to the clients' port,
 * there is nobody to ask: the packets' word holds for 10 s. Where clients choose the port, a refusal says nothing about
 * the server; a check is asked, and decides. An IPv6 client is its /64: whoever has one has them all.
 *
 * Silent. SYNs sent again are what anybody can send: they only have a check asked, at most once a second.
 *
 * Erring. Responses with 5xx, at most one counted a client and second, of three clients at least. A server errs when, over
 * the last seconds that hold 20 responses of it and 20 of the rest of its pool, its ratio is 20 points above that of the
 * rest and further than chance goes (3 standard deviations: two servers of one application with 10 % each differ by 20
 * points in 20 responses once in some minutes). It ends below 10 points, of
 * what has come since it began, 30 s at most. A pool that answers 20 % of 5xx and of which
 * nobody stands out has a fault of its application's: it is told, and changes no weight.
 */
#ifndef MUSTER_POLICY_SIGNALS_H
#define MUSTER_POLICY_SIGNALS_H

#include <muster/maps.h>

#include "../base.h"
#include "../probe/outcome.h"

#define SIGNALS_CLIENTS 3  /* what one or two say may be their own fault */
#define SIGNALS_SECONDS 30 /* of responses that are looked back on */

enum signals_refusal {
	SIGNALS_ANSWERS,
	SIGNALS_SAID,      /* its packets say that it refuses; a check is on its way to see */
	SIGNALS_STANDS,    /* its packets say so, and there is no check to see: it stands for a while */
	SIGNALS_CONFIRMED, /* its packets say so, and so did a check */
};

struct signals_conf {
	bool checked;         /* a check connects to the port that clients use */
	bool one_port;        /* all clients use one port */
	uint32_t interval_ms; /* of the check */
};

struct signals {
	enum signals_refusal refusal;
	int64_t since_ms;         /* of it */
	int64_t said_ms;          /* when it was last said, by packets or check */
	int64_t doubted_until_ms; /* packets alone are not believed */
	int64_t asked_ms;         /* when a check was last asked for; 0: never */
	/* refusals in a row */
	int64_t row_ms; /* of the first; 0: none */
	uint64_t row_answered;
	/* responses */
	bool erring;
	int64_t erring_since_ms;
	size_t erring_look;           /* seconds looked back on when it began */
	unsigned error_pct, rest_pct; /* ratios at the last comparison that had enough responses */
	bool counted;                 /* the three below are known */
	uint64_t responses_seen, errors_seen, trouble_seen;
	struct signals_second {
		uint32_t responses, errors;
	} second[SIGNALS_SECONDS]; /* the newest first */
	struct signals_witness {
		struct muster_addr addr;
		int64_t ms; /* 0: nobody */
	} refused[SIGNALS_CLIENTS], failed[SIGNALS_CLIENTS];
};

/* Of a pool. */
struct signals_pool {
	bool alike; /* all answer 5xx, and alike */
	int64_t since_ms;
	unsigned error_pct;
};

/* What the caller has to do, as bits. */
enum signals_then {
	SIGNALS_ASK = 1,     /* one check now */
	SIGNALS_CHANGED = 2, /* `refusal` did */
};

/* A client's SYN was refused. `answered`: how many handshakes of the server the program has counted by now. */
unsigned signals_refused(struct signals *signals, const struct signals_conf *conf, const struct muster_addr *client,
			 uint64_t answered, int64_t now_ms);
/* A client had to send its SYN again. */
unsigned signals_unanswered(struct signals *signals, int64_t now_ms);
/* A client was answered 5xx. */
void signals_failed(struct signals *signals, const struct muster_addr *client, int64_t now_ms);
/* A check of the server ended that began at `started_ms`. */
unsigned signals_checked(struct signals *signals, const struct signals_conf *conf, enum probe_outcome outcome,
			 int64_t started_ms, int64_t now_ms);
/* Time alone: nobody has said so for a while. */
unsigned signals_age(struct signals *signals, const struct signals_conf *conf, int64_t now_ms);

/*
 * To be called each second with the program's counters. SIGNALS_ASK: they grew, and no event told of it: events are limited
 * in number, and whoever sends SYNs could use them up.
 */
unsigned signals_count(struct signals *signals, const struct muster_signals *counted, int64_t now_ms);
/* Then: who of a pool errs. Whether anybody's `erring`, or `pool`, changed. */
bool signals_compare(struct signals_pool *pool, struct signals *const *servers, size_t n, int64_t now_ms);

/*
 * The time below which `pct` % of the handshakes were answered, microseconds: the upper bound of its class, or the lower one
 * where the class has none (SIGNALS_HANDSHAKE_LONGEST_US). 0: none was timed.
 */
#define SIGNALS_HANDSHAKE_LONGEST_US (1 << (MUSTER_HANDSHAKES - 1 + 5))
uint32_t signals_handshake_us(const struct muster_signals *counted, unsigned pct);
/* Responses counted, of any class. */
uint64_t signals_responses(const struct muster_signals *counted);

const char *signals_refusal_name(enum signals_refusal refusal);

#endif
