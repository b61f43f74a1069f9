// SPDX-License-Identifier: GPL-2.0-or-later
#include "signals.h"

#define ROW_MS         10000 /* refusals further apart than this are no row */
#define STANDS_MS      10000 /* a refusal that nobody repeats */
#define DOUBT_MS       60000
#define ASK_REFUSED_MS 100 /* between two checks that refusals ask for */
#define ASK_SILENT_MS  1000

static bool is_v4(const struct muster_addr *addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, mapped, sizeof(mapped));
}

static bool same_client(const struct muster_addr *a, const struct muster_addr *b)
{
	size_t bytes = is_v4(a) || is_v4(b) ? sizeof(*a) : sizeof(*a) / 2;

	return !memcmp(a, b, bytes);
}

/* Remembers that this client has seen it; the one that saw it the longest ago gives way. */
static void witness(struct signals_witness seen[SIGNALS_CLIENTS], const struct muster_addr *client, int64_t now_ms)
{
	struct signals_witness *at = &seen[0];

	for (size_t i = 0; i < SIGNALS_CLIENTS; i++) {
		if (seen[i].ms && same_client(&seen[i].addr, client)) {
			seen[i].ms = now_ms;
			return;
		}
		if (seen[i].ms < at->ms)
			at = &seen[i];
	}
	*at = (struct signals_witness){.addr = *client, .ms = now_ms};
}

static bool all_saw(const struct signals_witness seen[SIGNALS_CLIENTS], int64_t since_ms)
{
	for (size_t i = 0; i < SIGNALS_CLIENTS; i++)
		if (!seen[i].ms || seen[i].ms < since_ms)
			return false;
	return true;
}

static unsigned turn(struct signals *signals, enum signals_refusal refusal, int64_t now_ms)
{
	if (signals->refusal == refusal)
		return 0;
	signals->refusal = refusal;
	signals->since_ms = now_ms;
	return SIGNALS_CHANGED;
}

static unsigned ask(struct signals *signals, int64_t apart_ms, int64_t now_ms)
{
	if (signals->asked_ms && now_ms - signals->asked_ms < apart_ms)
		return 0;
	signals->asked_ms = now_ms;
	return SIGNALS_ASK;
}

static void row_end(struct signals *signals)
{
	signals->row_ms = 0;
	memset(signals->refused, 0, sizeof(signals->refused));
}

static bool row_stands(const struct signals *signals, int64_t now_ms)
{
	return signals->row_ms && now_ms - signals->row_ms <= ROW_MS;
}

unsigned signals_refused(struct signals *signals, const struct signals_conf *conf, const struct muster_addr *client,
			 uint64_t answered, int64_t now_ms)
{
	unsigned then = 0;

	if (!conf->one_port)
		return ask(signals, ASK_SILENT_MS, now_ms);
	if (!row_stands(signals, now_ms) || answered != signals->row_answered) {
		row_end(signals);
		signals->row_ms = now_ms;
		signals->row_answered = answered;
	}
	signals->said_ms = now_ms;
	witness(signals->refused, client, now_ms);
	if (signals->refusal == SIGNALS_ANSWERS && now_ms >= signals->doubted_until_ms &&
	    all_saw(signals->refused, signals->row_ms))
		then = turn(signals, conf->checked ? SIGNALS_SAID : SIGNALS_STANDS, now_ms);
	return then | ask(signals, ASK_REFUSED_MS, now_ms);
}

unsigned signals_unanswered(struct signals *signals, int64_t now_ms)
{
	return ask(signals, ASK_SILENT_MS, now_ms);
}

void signals_failed(struct signals *signals, const struct muster_addr *client, int64_t now_ms)
{
	witness(signals->failed, client, now_ms);
}

unsigned signals_checked(struct signals *signals, const struct signals_conf *conf, enum probe_outcome outcome,
			 int64_t started_ms, int64_t now_ms)
{
	bool row = row_stands(signals, now_ms);

	if (!conf->checked || (!row && signals->refusal == SIGNALS_ANSWERS))
		return 0;
	/* What was asked before the packets spoke is no answer to them. */
	if (row && signals->refusal != SIGNALS_CONFIRMED && started_ms < signals->row_ms)
		return SIGNALS_ASK;
	if (outcome == PROBE_REFUSED) {
		signals->said_ms = now_ms;
		return turn(signals, SIGNALS_CONFIRMED, now_ms);
	}
	if (!probe_outcome_tcp(outcome))
		return 0;
	row_end(signals);
	if (signals->refusal == SIGNALS_SAID)
		signals->doubted_until_ms = now_ms + DOUBT_MS;
	return turn(signals, SIGNALS_ANSWERS, now_ms);
}

unsigned signals_age(struct signals *signals, const struct signals_conf *conf, int64_t now_ms)
{
	int64_t stands_ms = STANDS_MS;

	if (signals->refusal == SIGNALS_CONFIRMED)
		stands_ms = MAX(stands_ms, 3LL * conf->interval_ms);
	if (signals->refusal == SIGNALS_ANSWERS || now_ms - signals->said_ms < stands_ms)
		return 0;
	row_end(signals);
	return turn(signals, SIGNALS_ANSWERS, now_ms);
}

const char *signals_refusal_name(enum signals_refusal refusal)
{
	static const char *const names[] = {
		[SIGNALS_ANSWERS] = "answers",
		[SIGNALS_SAID] = "said",
		[SIGNALS_STANDS] = "stands",
		[SIGNALS_CONFIRMED] = "confirmed",
	};

	return names[refusal];
}
