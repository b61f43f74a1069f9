// SPDX-License-Identifier: GPL-2.0-or-later
/* `show server`: one server in words. */
#include "render.h"

#include <stdarg.h>

#include "human.h"

#define LABEL 10

static void paragraph(const struct look *look, const char *label, const char *format, ...) _printf_(3, 4);
static void paragraph(const struct look *look, const char *label, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(look->out, "  %-*s", LABEL, label);
	human_wrap(look->out, look->width, LABEL + 2, LABEL + 2, text);
}

static void state(const struct look *look, const json_t *server)
{
	const json_t *cause = json_object_get(server, "cause");
	const char *word = json_text(server, "state");
	char age[HUMAN_SIZE], text[512];

	snprintf(text, sizeof(text), "%s for %s: %s.",
		 json_is_true(json_object_get(server, "serving")) ? "gets new connections" : "gets no new connections",
		 human_age((int64_t)json_figure(cause, "age_ms"), age), json_text(cause, "text"));
	fprintf(look->out, "  %-*s", LABEL, "state");
	render_state(look, word);
	fprintf(look->out, ", ");
	human_wrap(look->out, look->width, LABEL + 4 + strlen(word), LABEL + 2, text);
}

static void health(const struct look *look, const json_t *server)
{
	const json_t *h = json_object_get(server, "health");
	const char *detail = json_text(h, "detail"), *why = json_text(h, "cause_text");
	char age[HUMAN_SIZE], checked[HUMAN_SIZE];

	if (strcmp(json_text(h, "check"), "none") == 0) {
		paragraph(look, "health", "not checked: its service has no check.");
		return;
	}
	if (json_known(h, "seen_age_ms")) { /* without an agent */
		paragraph(look, "health", "%s when a musterd last looked, %s ago.", json_text(h, "state"),
			  human_age((int64_t)json_figure(h, "seen_age_ms"), age));
		return;
	}
	if (!json_known(h, "checked_age_ms")) {
		paragraph(look, "health", "%s: no check has ended yet.", json_text(h, "state"));
		return;
	}
	human_age((int64_t)json_figure(h, "age_ms"), age);
	human_age((int64_t)json_figure(h, "checked_age_ms"), checked);
	if (strcmp(json_text(h, "state"), "up") == 0)
		paragraph(look, "health", "up for %s; the last %s check ended %s ago after %.0f ms.", age,
			  json_text(h, "check"), checked, json_figure(h, "check_duration_ms"));
	else
		paragraph(look, "health", "%s for %s: %s; the last %s check ended %s ago.", json_text(h, "state"), age,
			  *detail ? detail : why, json_text(h, "check"), checked);
}

/* What an order does, and until when. */
static void describe_end(const json_t *o, const char *ends, const char *left, char *out, size_t size)
{
	const json_t *suspended = json_object_get(o, "suspended");

	if (json_is_true(json_object_get(o, "pending")))
		snprintf(out, size, "It is not on disk yet and does not act");
	else if (json_is_object(suspended))
		snprintf(out, size, "It was recalled, and does not act any more: %s", json_text(suspended, "cause"));
	else if (json_is_true(json_object_get(o, "overdue")))
		snprintf(out, size, "It ended at %s, but the server is not healthy, so it stays out", ends);
	else if (!json_known(o, "left_ms"))
		snprintf(out, size, "It has no end%s",
			 json_is_true(json_object_get(o, "acts")) ? "" : ", and a stricter one acts");
	else
		snprintf(out, size, "It ends at %s, in %s%s", ends, left,
			 json_is_false(json_object_get(o, "acts")) ? "; a stricter one acts" : "");
}

static void order(const struct look *look, const char *label, const json_t *o, int64_t now_ms)
{
	const char *claim = json_text(o, "claim");
	char since[HUMAN_SIZE], ends[HUMAN_SIZE], left[HUMAN_SIZE], what[64], end[384], resets[64] = "";

	if (strcmp(json_text(o, "kind"), "weight") == 0)
		snprintf(what, sizeof(what), "weight %.0f", json_figure(o, "weight"));
	else
		snprintf(what, sizeof(what), "%s", json_text(o, "kind"));
	human_time((int64_t)json_figure(o, "since_ms"), now_ms, since);
	human_time((int64_t)json_figure(o, "ends_wall_ms"), now_ms, ends);
	human_left((int64_t)json_figure(o, "left_ms"), left);
	describe_end(o, ends, left, end, sizeof(end));
	if (json_known(o, "resets_in_ms"))
		snprintf(resets, sizeof(resets), " Connections that are left are reset in %s.",
			 human_left((int64_t)json_figure(o, "resets_in_ms"), left));
	paragraph(look, label, "%s by %s%s%s%s since %s: \"%s\" (lease %.0f). %s.%s%s", what, json_text(o, "owner"),
		  *claim ? " (as " : "", claim, *claim ? ")" : "", since, json_text(o, "reason"), json_figure(o, "id"),
		  end, resets,
		  json_is_true(json_object_get(o, "recallable")) ? " It is recalled if the servers left fall short."
								 : "");
}

static void orders(const struct look *look, const json_t *server, int64_t now_ms)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(server, "orders"), i, one) order(look, i ? "" : "ordered", one, now_ms);
}

/* "; in slow start at 35 %, at full weight in 19s" */
static const char *slow_start(const json_t *server, char *buf, size_t n)
{
	const json_t *s = json_object_get(server, "slow_start");
	char left[HUMAN_SIZE];

	buf[0] = '\0';
	if (json_is_object(s))
		snprintf(buf, n, "; %s at %.0f %%, %s in %s",
			 json_is_true(json_object_get(s, "up")) ? "in slow start" : "stepping back",
			 json_figure(s, "pct"),
			 json_is_true(json_object_get(s, "up")) ? "at full weight" : "on standby",
			 human_left((int64_t)json_figure(s, "left_ms"), left));
	return buf;
}

/* The three layers, from what is declared to what comes of it. */
static void layers(const struct look *look, const json_t *server, int64_t now_ms)
{
	const json_t *all = json_object_get(server, "layers"), *declared = json_object_get(all, "declared");
	const json_t *observed = json_object_get(all, "observed"), *w = json_object_get(server, "weight");
	char number[HUMAN_SIZE], effective[HUMAN_SIZE], age[HUMAN_SIZE], since[HUMAN_SIZE], on_the_way[128];

	human_time((int64_t)json_figure(declared, "since_ms"), now_ms, since);
	paragraph(look, "declared", "weight %s, by %s since %s: %s.", human_number(json_figure(w, "declared"), number),
		  json_text(declared, "owner"), since, json_text(declared, "cause"));
	if (json_array_size(json_object_get(server, "orders")) == 0)
		paragraph(look, "ordered", "nothing.");
	else
		orders(look, server, now_ms);
	human_age((int64_t)json_figure(observed, "age_ms"), age);
	human_number(json_figure(w, "effective"), effective);
	slow_start(server, on_the_way, sizeof(on_the_way));
	if (json_known(observed, "factor_pct"))
		paragraph(look, "observed", "%s (%s) for %s: %.0f %% of the weight, %s in effect%s.",
			  json_text(observed, "cause"), json_text(observed, "owner"), age,
			  json_figure(observed, "factor_pct"), effective, on_the_way);
	else
		paragraph(look, "observed", "%s (%s) for %s; %s in effect%s.", json_text(observed, "cause"),
			  json_text(observed, "owner"), age, effective, on_the_way);
	if (strcmp(json_text(server, "role"), "backup") == 0)
		paragraph(look, "role", "backup of tier %.0f: it stands in when those before it are too few or short.",
			  json_figure(server, "tier"));
}

static void forecast(const struct look *look, const json_t *memory)
{
	const json_t *f = json_object_get(memory, "forecast");
	char exhausted[HUMAN_SIZE], hard[HUMAN_SIZE];

	if (!json_is_object(f))
		return;
	human_left((int64_t)json_figure(f, "exhausted_in_ms"), exhausted);
	if (json_figure(f, "hard_in_ms") > 0)
		paragraph(look, "forecast",
			  "at this rate below its hard mark (%.0f %%) in about %s, out of memory in about %s.",
			  json_figure(memory, "hard_pct"), human_left((int64_t)json_figure(f, "hard_in_ms"), hard),
			  exhausted);
	else
		paragraph(look, "forecast", "at this rate out of memory in about %s.", exhausted);
}

/* What is done about it where its service asks for that. */
static void recycle(const struct look *look, const json_t *server)
{
	const json_t *r = json_object_get(server, "recycle");
	char held[HUMAN_SIZE], again[64] = "";

	if (!json_is_object(r))
		return;
	if (json_figure(r, "held_ms") > 0)
		snprintf(again, sizeof(again), " It is left alone for another %s.",
			 human_left((int64_t)json_figure(r, "held_ms"), held));
	if (*json_text(r, "step"))
		paragraph(look, "recycled", "%s.%s", json_text(r, "step"), again);
	else if (json_known(r, "failed"))
		paragraph(look, "recycled", "it failed: %s.%s", json_text(r, "failed"), again);
	else
		paragraph(look, "recycled", "by %s, if it stays below its hard mark.%s", json_text(r, "hook"), again);
}

static void memory(const struct look *look, const json_t *server)
{
	const json_t *m = json_object_get(server, "memory");
	const char *source = json_text(m, "source"), *text = json_text(m, "text");
	char available[HUMAN_SIZE], total[HUMAN_SIZE], age[HUMAN_SIZE];

	if (strcmp(source, "none") == 0 || !*source) {
		paragraph(look, "memory", "not read: no memory source is configured.");
		return;
	}
	human_age((int64_t)json_figure(m, "age_ms"), age);
	if (!json_known(m, "age_ms"))
		paragraph(look, "memory", "%s: %s has not answered yet.", json_text(m, "level"), source);
	else if (!json_known(m, "available_bytes"))
		paragraph(look, "memory", "%s, by %s %s ago%s%s.", json_text(m, "level"), source, age,
			  *text ? ": " : "", text);
	else
		paragraph(look, "memory",
			  "%s: %s of %s available (%.1f %%), by %s %s ago; it allows %.0f %% of the weight.",
			  json_text(m, "level"), human_bytes(json_figure(m, "available_bytes"), available),
			  human_bytes(json_figure(m, "total_bytes"), total), json_figure(m, "available_pct"), source,
			  age, json_figure(m, "factor_pct"));
	forecast(look, m);
}

static void traffic(const struct look *look, const json_t *server)
{
	const json_t *rates = json_object_get(server, "rates");
	char live[HUMAN_SIZE], conn[HUMAN_SIZE], in[HUMAN_SIZE], out[HUMAN_SIZE], share[128] = "";

	if (json_known(server, "share_pct"))
		snprintf(share, sizeof(share), "; %.1f %% of the service's new connections, its weight wants %.1f %%",
			 json_figure(server, "share_pct"), json_figure(server, "share_wanted_pct"));
	if (!json_is_object(rates)) {
		paragraph(look, "traffic", "%s live connections.", render_live(server, live));
		return;
	}
	paragraph(look, "traffic", "%s live connections, %s new/s, %s/s in, %s/s out%s.", render_live(server, live),
		  human_rate(json_figure(rates, "flows_per_s"), conn),
		  human_bytes(json_figure(rates, "bytes_in_per_s"), in),
		  human_bytes(json_figure(rates, "bytes_out_per_s"), out), share);
}

static void signals(const struct look *look, const json_t *server)
{
	const json_t *s = json_object_get(server, "signals");
	char text[512];

	if (!json_is_object(s))
		return;
	render_signals_text(s, text, sizeof(text));
	paragraph(look, "packets", "%s.", text);
}

static void next_hop(const struct look *look, const json_t *server)
{
	static const struct {
		const char *state, *text;
	} texts[] = {
		{"good", "resolved."},
		{"unknown", "not resolved yet."},
		{"failed", "nobody answers for it: look at the link, the route and the address."},
		{"local", "the address is the balancer's own, which cannot serve."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].state, json_text(server, "next_hop")) == 0)
			paragraph(look, "next hop", "%s", texts[i].text);
}

static void advice(const struct look *look, const json_t *server)
{
	const json_t *command;
	size_t i;

	json_array_foreach(json_object_get(server, "commands"), i, command) paragraph(
		look, i ? "" : "to change", "%s", json_string_value(command) ? json_string_value(command) : "");
}

void render_server(const struct look *look, const json_t *document)
{
	const json_t *servers = json_object_get(document, "servers"), *server;
	int64_t now_ms = (int64_t)json_figure(document, "wall_ms");
	char addr[96];
	size_t i;

	json_array_foreach(servers, i, server)
	{
		if (i)
			fprintf(look->out, "\n");
		fprintf(look->out, "%s in service %s: %s, %s%s\n", json_text(server, "name"),
			json_text(server, "service"), render_address(server, addr, sizeof(addr)),
			json_text(server, "mode"),
			json_is_true(json_object_get(server, "not_in_file")) ? ", added by command" : "");
		state(look, server);
		layers(look, server, now_ms);
		health(look, server);
		memory(look, server);
		recycle(look, server);
		traffic(look, server);
		signals(look, server);
		next_hop(look, server);
		advice(look, server);
	}
	if (json_array_size(json_object_get(document, "attention"))) {
		fprintf(look->out, "\n");
		render_attention(look, json_object_get(document, "attention"));
	}
}
