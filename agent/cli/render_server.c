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

static void weight(const struct look *look, const json_t *server)
{
	const json_t *w = json_object_get(server, "weight");
	char declared[HUMAN_SIZE], ordered[HUMAN_SIZE], effective[HUMAN_SIZE];

	human_number(json_figure(w, "declared"), declared);
	human_number(json_figure(w, "ordered"), ordered);
	human_number(json_figure(w, "effective"), effective);
	if (strcmp(declared, ordered) == 0)
		paragraph(look, "weight", "%s declared, %s in effect.", declared, effective);
	else
		paragraph(look, "weight", "%s declared, %s ordered, %s in effect.", declared, ordered, effective);
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
}

static void traffic(const struct look *look, const json_t *server)
{
	const json_t *rates = json_object_get(server, "rates");
	char conn[HUMAN_SIZE], in[HUMAN_SIZE], out[HUMAN_SIZE], share[128] = "";

	if (json_known(server, "share_pct"))
		snprintf(share, sizeof(share), "; %.1f %% of the service's new connections, its weight wants %.1f %%",
			 json_figure(server, "share_pct"), json_figure(server, "share_wanted_pct"));
	paragraph(look, "traffic", "%.0f live connections, %s new/s, %s/s in, %s/s out%s.",
		  json_figure(server, "live_flows"), human_rate(json_figure(rates, "flows_per_s"), conn),
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

static void order(const struct look *look, const json_t *o, int64_t now_ms)
{
	const char *claim = json_text(o, "claim");
	char since[HUMAN_SIZE], ends[HUMAN_SIZE], left[HUMAN_SIZE], what[64];

	if (strcmp(json_text(o, "kind"), "weight") == 0)
		snprintf(what, sizeof(what), "weight %.0f", json_figure(o, "weight"));
	else
		snprintf(what, sizeof(what), "%s", json_text(o, "kind"));
	human_time((int64_t)json_figure(o, "since_ms"), now_ms, since);
	human_time((int64_t)json_figure(o, "ends_wall_ms"), now_ms, ends);
	human_left((int64_t)json_figure(o, "left_ms"), left);
	if (json_is_true(json_object_get(o, "pending")))
		paragraph(look, "order", "%s by %s: \"%s\". It is not on disk yet and does not act.", what,
			  json_text(o, "owner"), json_text(o, "reason"));
	else if (json_is_true(json_object_get(o, "overdue")))
		paragraph(look, "order",
			  "%s by %s%s%s%s since %s: \"%s\". It ended at %s, but the server is not "
			  "healthy, so it stays out.",
			  what, json_text(o, "owner"), *claim ? " (as " : "", claim, *claim ? ")" : "", since,
			  json_text(o, "reason"), ends);
	else
		paragraph(look, "order", "%s by %s%s%s%s since %s: \"%s\". It ends at %s, in %s.", what,
			  json_text(o, "owner"), *claim ? " (as " : "", claim, *claim ? ")" : "", since,
			  json_text(o, "reason"), ends, left);
}

static void advice(const struct look *look, const json_t *server, bool qualified)
{
	const char *name = json_text(server, "name"), *service = qualified ? json_text(server, "service") : "";
	const char *slash = qualified ? "/" : "";

	if (json_array_size(json_object_get(server, "orders")))
		paragraph(look, "to change", "muster return %s%s%s", service, slash, name);
	else
		paragraph(look, "to change", "muster drain %s%s%s --reason TEXT [--for 1h]", service, slash, name);
}

void render_server(const struct look *look, const json_t *document)
{
	const json_t *servers = json_object_get(document, "servers"), *server, *one;
	int64_t now_ms = (int64_t)json_figure(document, "wall_ms");
	char addr[96];
	size_t i, k;

	json_array_foreach(servers, i, server)
	{
		if (i)
			fprintf(look->out, "\n");
		fprintf(look->out, "%s in service %s: %s, %s%s\n", json_text(server, "name"),
			json_text(server, "service"), render_address(server, addr, sizeof(addr)),
			json_text(server, "mode"),
			json_is_true(json_object_get(server, "not_in_file")) ? ", added by command" : "");
		state(look, server);
		health(look, server);
		weight(look, server);
		json_array_foreach(json_object_get(server, "orders"), k, one) order(look, one, now_ms);
		memory(look, server);
		traffic(look, server);
		signals(look, server);
		next_hop(look, server);
		advice(look, server, json_array_size(servers) > 1);
	}
	if (json_array_size(json_object_get(document, "attention"))) {
		fprintf(look->out, "\n");
		render_attention(look, json_object_get(document, "attention"));
	}
}
