// SPDX-License-Identifier: GPL-2.0-or-later
#include "gate.h"

#include <math.h>
#include <stdio.h>

#define MINUTE_MS  60000
#define FOREVER_MS (366LL * 24 * 60 * MINUTE_MS) /* so long no order lasts that has an end */

static double sum(const struct gate_server *servers, size_t n, bool after)
{
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += after ? servers[i].after : servers[i].before;
	return total;
}

typedef const struct history_span *(*span_fn)(const struct history *history, int64_t number);

/*
 * What the pool carried in one minute, all its servers together; false: nobody knows of any. Of an hour each server's busiest
 * minute, which may be more than the pool's.
 */
static bool span_of(const struct gate_server *servers, size_t n, span_fn get, int64_t number, uint32_t *flows,
		    uint32_t *live)
{
	bool known = false;

	*flows = *live = 0;
	for (size_t i = 0; i < n; i++) {
		const struct history_span *span = servers[i].history ? get(servers[i].history, number) : NULL;

		if (!span)
			continue;
		known = true;
		*flows += span->flows;
		*live += span->live;
	}
	return known;
}

/* The minute under way: as it goes on, where it is old enough to say. */
static bool minute_now(const struct gate_server *servers, size_t n, int64_t wall_ms, uint32_t *flows, uint32_t *live)
{
	bool known = false;

	*flows = *live = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t now = servers[i].history ? history_flows_now(servers[i].history, wall_ms) : HISTORY_UNKNOWN;

		*live += servers[i].live;
		if (now == HISTORY_UNKNOWN)
			continue;
		known = true;
		*flows += now;
	}
	return known;
}

/* Raises the demand to the busiest of `most` spans before `number`. True when one of them is known. */
static bool look_back(const struct gate_server *servers, size_t n, span_fn get, int64_t number, int64_t most,
		      struct gate_answer *out)
{
	uint32_t flows, live;
	bool known = false;

	for (int64_t back = 0; back <= most; back++) {
		if (!span_of(servers, n, get, number - back, &flows, &live))
			continue;
		known = true;
		out->flows = MAX(out->flows, flows);
		out->live = MAX(out->live, live);
	}
	return known;
}

/* Fills in what the pool carries; false: no history says so yet. */
static bool demand(const struct gate_server *servers, size_t n, int64_t wall_ms, struct gate_answer *out)
{
	bool known = minute_now(servers, n, wall_ms, &out->flows, &out->live);

	known |= look_back(servers, n, history_minute, wall_ms / MINUTE_MS, HISTORY_MINUTES, out);
	if (out->for_ms == GATE_LASTING)
		known |= look_back(servers, n, history_hour, wall_ms / MINUTE_MS / 60, HISTORY_HOURS - 1, out);
	return known;
}

/* Those at their max_flows pass the rest on. Returns what nobody has room for. */
static double spread_live(struct gate_server *servers, size_t n, double live)
{
	double left = live, weights = sum(servers, n, true);
	bool again = true;

	for (size_t i = 0; i < n; i++)
		servers[i].live_after = HISTORY_UNKNOWN;
	while (again) {
		double part = weights > 0 ? left / weights : 0;

		again = false;
		for (size_t i = 0; i < n; i++) {
			struct gate_server *server = &servers[i];

			if (!server->after || server->live_after != HISTORY_UNKNOWN || !server->limit ||
			    part * server->after <= server->limit)
				continue;
			server->live_after = server->limit;
			left -= server->limit;
			weights -= server->after;
			again = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (servers[i].live_after == HISTORY_UNKNOWN)
			servers[i].live_after =
				servers[i].after ? (uint32_t)ceil(left * servers[i].after / weights) : 0;
	return weights > 0 ? 0 : left;
}

/* New flows go where live ones do; with none live, by weight. */
static void spread(struct gate_server *servers, size_t n, struct gate_answer *out)
{
	double weights = sum(servers, n, true);

	out->over = (uint32_t)ceil(spread_live(servers, n, out->live));
	for (size_t i = 0; i < n; i++) {
		double part = out->live ? (double)servers[i].live_after / out->live : servers[i].after / weights;

		servers[i].flows_after = (uint32_t)ceil(MIN(part, 1.0) * out->flows - 1e-9);
	}
}

/* Memory after the change; below which marks it is or would be. */
static void judge_memory(struct gate_server *server, int64_t wall_ms)
{
	double taken = 0;

	server->available_pct = -1;
	if (server->total_bytes <= 0)
		return;
	if (server->history && !history_bytes_a_flow(server->history, wall_ms, &server->bytes_a_flow))
		server->bytes_a_flow = 0;
	if (server->live_after > server->live)
		taken = server->bytes_a_flow * (server->live_after - server->live);
	server->available_pct =
		MAX(100.0 * ((double)server->available_bytes - taken) / (double)server->total_bytes, 0.0);
}

static void set(struct gate_server *server, enum gate_word word, enum gate_reason reason)
{
	server->word = word;
	server->reason = reason;
}

/* With more of the load, what takes its memory goes on faster; by how much nobody knows better than by its share. */
static int64_t sooner(const struct gate_server *server, int64_t in_ms)
{
	return (int64_t)((double)in_ms / server->growth);
}

/* One that gets more. */
static void judge_server(struct gate_server *server, bool demand_known, int64_t wall_ms, int64_t for_ms)
{
	judge_memory(server, wall_ms);
	server->history_known = server->history && history_proven(server->history, wall_ms, &server->proven);
	if (!server->limit && server->available_pct >= 0 && server->available_pct < server->hard_pct)
		set(server, GATE_NO, GATE_HARD);
	else if (server->ends && sooner(server, server->hard_in_ms) < for_ms)
		set(server, GATE_NO, GATE_FORECAST);
	else if (!server->healthy)
		set(server, GATE_UNKNOWN, GATE_ILL);
	else if (!server->above_soft ||
		 (!server->limit && server->available_pct >= 0 && server->available_pct < server->soft_pct))
		set(server, GATE_UNKNOWN, GATE_SOFT);
	else if (server->limit)
		set(server, GATE_YES, GATE_ROOM);
	else if (!server->history_known || !demand_known || (!server->proven.flows && !server->proven.live))
		set(server, GATE_UNKNOWN, GATE_NO_HISTORY);
	else if (server->flows_after > server->proven.flows || server->live_after > server->proven.live)
		set(server, GATE_UNKNOWN, GATE_UNPROVEN);
	else
		set(server, GATE_YES, GATE_PROVEN);
}

/* Does it get a greater share, or less room for the same? */
static bool asked(struct gate_server *server, double before, double after)
{
	double was = before > 0 ? server->before / before : 0, is = server->after / after;

	server->growth = was > 0 ? MAX(is / was, 1.0) : 1;
	return server->after && (is > was + 1e-9 || (server->limit && server->limit != server->limit_before));
}

void gate_judge(struct gate_server *servers, size_t n, int64_t wall_ms, int64_t for_ms, struct gate_answer *out)
{
	double before = sum(servers, n, false), after = sum(servers, n, true);
	bool known, stays = false, any = false;

	*out = (struct gate_answer){.word = GATE_YES, .reason = GATE_NO_MORE, .allowed = true, .for_ms = for_ms};
	known = demand(servers, n, wall_ms, out);
	if (after <= 0) {
		if (before > 0)
			*out = (struct gate_answer){
				.word = GATE_NO, .reason = GATE_LAST, .flows = out->flows, .live = out->live};
		return;
	}
	spread(servers, n, out);
	for (size_t i = 0; i < n; i++) {
		struct gate_server *server = &servers[i];

		stays |= server->after && server->healthy && server->above_soft;
		set(server, GATE_YES, GATE_NO_MORE);
		server->available_pct = -1;
		if (!asked(server, before, after))
			continue;
		judge_server(server, known, wall_ms, for_ms);
		if (!any || server->word > out->word) {
			out->word = server->word;
			out->reason = server->reason;
			out->at = i;
		}
		any = true;
	}
	if (any && out->over) {
		out->word = GATE_NO;
		out->reason = GATE_FULL;
	}
	out->allowed = out->word == GATE_YES || (out->word == GATE_UNKNOWN && stays);
}

/* "44.0 new flows a second and 830 live ones" */
static void load_text(uint32_t flows, uint32_t live, char *out, size_t size)
{
	snprintf(out, size, "%.1f new flows a second and %u live ones", flows / 60.0, live);
}

static void limits_text(const struct gate_answer *answer, char *out, size_t size)
{
	snprintf(out, size, "of %u live flows %u would find no room: the max_flows of those that stay are %u together",
		 answer->live, answer->over, answer->live - answer->over);
}

static void memory_text(const struct gate_server *server, char *out, size_t size)
{
	bool hard = server->reason == GATE_HARD;

	if (server->available_pct < 0)
		snprintf(out, size, "the memory of %s is below its soft mark, or unknown", server->name);
	else if (server->bytes_a_flow > 0 && server->live_after > server->live)
		snprintf(out, size,
			 "%s would have %.0f %% of its memory left with %u live flows more at %.0f KiB each; its %s "
			 "mark "
			 "is %u %%",
			 server->name, server->available_pct, server->live_after - server->live,
			 server->bytes_a_flow / 1024, hard ? "hard" : "soft",
			 hard ? server->hard_pct : server->soft_pct);
	else
		snprintf(out, size, "%s has %.0f %% of its memory left; its %s mark is %u %%", server->name,
			 server->available_pct, hard ? "hard" : "soft", hard ? server->hard_pct : server->soft_pct);
}

/* "9 min", never more exact than a forecast is. */
static const char *time_text(int64_t ms, char *out, size_t size)
{
	if (ms < 90 * 1000)
		snprintf(out, size, "%lld s", (long long)MAX(ms, (int64_t)0) / 1000);
	else if (ms < 90 * MINUTE_MS)
		snprintf(out, size, "%lld min", (long long)ms / MINUTE_MS);
	else
		snprintf(out, size, "%lld h", (long long)ms / (60 * MINUTE_MS));
	return out;
}

static void forecast_text(const struct gate_server *server, int64_t for_ms, char *out, size_t size)
{
	char hard[24], end[24], length[32], share[64] = "";

	if (server->growth > 1.005)
		snprintf(share, sizeof(share), ", with %.1f times its share of the load", server->growth);
	if (for_ms >= FOREVER_MS)
		snprintf(length, sizeof(length), "has no end");
	else
		snprintf(length, sizeof(length), "lasts %s", time_text(for_ms, hard, sizeof(hard)));
	snprintf(out, size,
		 "at this rate %s would be below its hard mark (%u %%) in about %s and out of memory in about %s%s; "
		 "the change "
		 "%s",
		 server->name, server->hard_pct, time_text(sooner(server, server->hard_in_ms), hard, sizeof(hard)),
		 time_text(sooner(server, server->exhausted_in_ms), end, sizeof(end)), share, length);
}

void gate_text(const struct gate_server *servers, const struct gate_answer *answer, char *out, size_t size)
{
	const struct gate_server *server = &servers[answer->at];
	char load[80], proven[80];

	load_text(server->flows_after, server->live_after, load, sizeof(load));
	load_text(server->proven.flows, server->proven.live, proven, sizeof(proven));
	out[0] = '\0';
	switch (answer->reason) {
	case GATE_NO_MORE:
		break;
	case GATE_PROVEN:
		snprintf(out, size, "%s would get %s, and has carried %s within a day", server->name, load, proven);
		break;
	case GATE_ROOM:
		snprintf(out, size, "%s would get %s, and its max_flows is %u", server->name, load, server->limit);
		break;
	case GATE_NO_HISTORY:
		snprintf(out, size, "nothing is known yet of what %s can carry", server->name);
		break;
	case GATE_UNPROVEN:
		snprintf(out, size, "%s would get %s, and has carried no more than %s within a day", server->name, load,
			 proven);
		break;
	case GATE_ILL:
		snprintf(out, size, "%s would get %s, and is not healthy now", server->name, load);
		break;
	case GATE_SOFT:
	case GATE_HARD:
		memory_text(server, out, size);
		break;
	case GATE_FORECAST:
		forecast_text(server, answer->for_ms, out, size);
		break;
	case GATE_FULL:
		limits_text(answer, out, size);
		break;
	case GATE_LAST:
		load_text(answer->flows, answer->live, load, sizeof(load));
		snprintf(out, size, "nobody would serve: %s have nowhere to go", load);
		break;
	}
}

const char *gate_word_name(enum gate_word word)
{
	static const char *const names[] = {[GATE_YES] = "yes", [GATE_UNKNOWN] = "unknown", [GATE_NO] = "no"};

	return names[word];
}
