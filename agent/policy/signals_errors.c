// SPDX-License-Identifier: GPL-2.0-or-later
/* Responses with 5xx: only ever compared with those of the rest of the pool. Handshake times in figures. */
#include "signals.h"

#define RESPONSES_LEAST 20
#define ABOVE_PCT       20
#define ABOVE_END_PCT   10
#define CHANCE          9 /* 3 standard deviations, squared */
#define LOOK_BACK_MS    (SIGNALS_SECONDS * 1000)
#define CLASS_FIRST     6 /* log2 of the upper bound of the first class of handshake times, microseconds */

struct ratio {
	double responses, errors;
};

static double of(const struct ratio *ratio)
{
	return ratio->responses > 0 ? ratio->errors / ratio->responses : 0;
}

static unsigned in_pct(const struct ratio *ratio)
{
	return 100 * of(ratio) + 0.5;
}

uint64_t signals_responses(const struct muster_signals *counted)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(counted->status); i++)
		sum += counted->status[i];
	return sum;
}

/* Of 5xx only those count that are counted once a client and second. */
static uint64_t weighed_responses(const struct muster_signals *counted)
{
	return signals_responses(counted) - counted->status[5] + counted->errors;
}

unsigned signals_count(struct signals *signals, const struct muster_signals *counted, int64_t now_ms)
{
	uint64_t responses = weighed_responses(counted), trouble = counted->refused + counted->repeated;
	bool grew = signals->counted && trouble > signals->trouble_seen;

	memmove(signals->second + 1, signals->second, sizeof(signals->second) - sizeof(signals->second[0]));
	signals->second[0] = (struct signals_second){0};
	/* Fewer than before: the record has another server, or the maps are new. */
	if (signals->counted && responses >= signals->responses_seen && counted->errors >= signals->errors_seen)
		signals->second[0] = (struct signals_second){.responses = responses - signals->responses_seen,
							     .errors = counted->errors - signals->errors_seen};
	signals->counted = true;
	signals->responses_seen = responses;
	signals->errors_seen = counted->errors;
	signals->trouble_seen = trouble;
	return grew ? signals_unanswered(signals, now_ms) : 0;
}

/* One second of a pool, added to `own` for the server `i` and to `rest` for the others. */
static void add_second(struct ratio *own, struct ratio *rest, struct signals *const *servers, size_t n, size_t i,
		       size_t ago)
{
	for (size_t k = 0; k < n; k++) {
		struct ratio *sum = k == i ? own : rest;

		sum->responses += servers[k]->second[ago].responses;
		sum->errors += servers[k]->second[ago].errors;
	}
}

static bool stands_out(const struct ratio *own, const struct ratio *rest)
{
	double above = of(own) - of(rest);
	double all = (own->errors + rest->errors) / (own->responses + rest->responses);
	double variance = all * (1 - all) * (1 / own->responses + 1 / rest->responses);

	return above >= ABOVE_PCT / 100.0 && above * above >= CHANCE * variance;
}

static bool enough(const struct ratio *ratio)
{
	return ratio->responses >= RESPONSES_LEAST;
}

static bool three_clients(const struct signals *signals, int64_t now_ms)
{
	for (size_t i = 0; i < SIGNALS_CLIENTS; i++)
		if (!signals->failed[i].ms || now_ms - signals->failed[i].ms > LOOK_BACK_MS)
			return false;
	return true;
}

/*
 * How many seconds have to be looked back on to see that a server errs; 0: it does not. The fewest are enough: a sudden
 * failure is not to be thinned by what was before.
 */
static size_t begins_to_err(struct signals *const *servers, size_t n, size_t i, int64_t now_ms)
{
	struct ratio own = {0}, rest = {0};

	if (!three_clients(servers[i], now_ms))
		return 0;
	for (size_t ago = 0; ago < SIGNALS_SECONDS; ago++) {
		add_second(&own, &rest, servers, n, i, ago);
		if (!enough(&own) || !enough(&rest) || !stands_out(&own, &rest))
			continue;
		servers[i]->error_pct = in_pct(&own);
		servers[i]->rest_pct = in_pct(&rest);
		return ago + 1;
	}
	return 0;
}

/* Looks back on what began it, and all since: what was good before says nothing about now. */
static bool goes_on_erring(struct signals *const *servers, size_t n, size_t i, int64_t now_ms)
{
	size_t look = servers[i]->erring_look + (now_ms - servers[i]->erring_since_ms) / 1000;
	struct ratio own = {0}, rest = {0};

	for (size_t ago = 0; ago < MIN(look, (size_t)SIGNALS_SECONDS); ago++)
		add_second(&own, &rest, servers, n, i, ago);
	/* At its floor it gets few responses, and they have to do; with none it has a new chance. */
	if (!enough(&rest) || own.responses < 1)
		return false;
	servers[i]->error_pct = in_pct(&own);
	servers[i]->rest_pct = in_pct(&rest);
	return of(&own) - of(&rest) >= ABOVE_END_PCT / 100.0;
}

static bool look_alike(const struct signals_pool *pool, struct signals *const *servers, size_t n, unsigned *error_pct)
{
	struct ratio all = {0}, none = {0};

	for (size_t ago = 0; ago < SIGNALS_SECONDS; ago++)
		add_second(&none, &all, servers, n, n, ago);
	for (size_t i = 0; i < n; i++)
		if (servers[i]->erring)
			return false;
	if (!enough(&all))
		return pool->alike && all.errors > 0;
	*error_pct = in_pct(&all);
	return of(&all) >= (pool->alike ? ABOVE_END_PCT : ABOVE_PCT) / 100.0;
}

bool signals_compare(struct signals_pool *pool, struct signals *const *servers, size_t n, int64_t now_ms)
{
	bool changed = false, alike;

	for (size_t i = 0; i < n; i++) {
		struct signals *one = servers[i];
		bool goes_on = one->erring && goes_on_erring(servers, n, i, now_ms);
		size_t look = goes_on ? 0 : begins_to_err(servers, n, i, now_ms);

		if (one->erring == (goes_on || look))
			continue;
		one->erring = !one->erring;
		one->erring_look = look;
		one->erring_since_ms = now_ms;
		changed = true;
	}
	alike = look_alike(pool, servers, n, &pool->error_pct);
	if (alike == pool->alike)
		return changed;
	pool->alike = alike;
	pool->since_ms = now_ms;
	return true;
}

uint32_t signals_handshake_us(const struct muster_signals *counted, unsigned pct)
{
	uint64_t all = 0, so_far = 0;

	for (size_t i = 0; i < MUSTER_HANDSHAKES; i++)
		all += counted->handshake[i];
	if (!all)
		return 0;
	for (unsigned i = 0; i < MUSTER_HANDSHAKES - 1; i++) {
		so_far += counted->handshake[i];
		if (so_far * 100 >= all * pct)
			return 1u << (i + CLASS_FIRST);
	}
	return SIGNALS_HANDSHAKE_LONGEST_US;
}
