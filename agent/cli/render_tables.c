// SPDX-License-Identifier: GPL-2.0-or-later
/* Flows, counters and events. */
#include "render.h"

#include <time.h>

#include "human.h"
#include "table.h"

void render_flows(const struct look *look, const json_t *document)
{
	static const struct table_column columns[] = {
		{"CLIENT"},     {"SERVICE", .drop = 2}, {"SERVER"}, {"PROTO", .drop = 3}, {"STATE"},
		{"IDLE", true}, {"SEEN BY SERVER AS"},  {NULL},
	};
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *flows = json_object_get(document, "flows"), *flow;
	char age[HUMAN_SIZE];
	size_t i;

	if (json_array_size(flows) == 0) {
		fprintf(look->out, "No live connections%s\n",
			". Is a service's address reached through this machine? See: muster show stats");
		return;
	}
	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(flows, i, flow)
	{
		table_row(table);
		table_set(table, 0, "%s", json_text(flow, "client"));
		table_set(table, 1, "%s", json_known(flow, "service") ? json_text(flow, "service") : "-");
		table_set(table, 2, "%s",
			  json_known(flow, "server") ? json_text(flow, "server") : json_text(flow, "server_address"));
		table_set(table, 3, "%s", json_text(flow, "protocol"));
		table_set(table, 4, "%s", json_text(flow, "state"));
		table_set(table, 5, "%s", human_age((int64_t)json_figure(flow, "idle_s") * 1000, age));
		table_set(table, 6, "%s", json_text(flow, "source_at_server"));
	}
	table_print(table, look->out, look->width, look->color);
	if (json_is_true(json_object_get(document, "more")))
		fprintf(look->out, "There are more: muster show flows --most N, --server SERVER, --client ADDRESS\n");
}

/* The flow table and the source ports: how large, how full, and what is wrong with them. */
static void render_flow_table(const struct look *look, const json_t *document)
{
	const json_t *table = json_object_get(document, "flow_table"),
		     *ports = json_object_get(document, "source_ports");
	char table_bytes[HUMAN_SIZE], all_bytes[HUMAN_SIZE];

	fprintf(look->out, "\nflows   %.0f live, room for %.0f in %s; all maps take %s\n",
		json_figure(document, "live_flows"), json_figure(table, "flows"),
		human_bytes(json_figure(table, "memory_bytes"), table_bytes),
		human_bytes(json_figure(json_object_get(document, "maps"), "memory_bytes"), all_bytes));
	fprintf(look->out, "table   %.0f of %.0f entries used, half-open %.0f of %.0f\n", json_figure(table, "used"),
		json_figure(table, "entries"), json_figure(table, "half_open_used"),
		json_figure(table, "half_open_entries"));
	if (json_figure(table, "older_entries") > 0)
		fprintf(look->out, "        %.0f entries still have to move from the table of before, of %.0f\n",
			json_figure(table, "older_used"), json_figure(table, "older_entries"));
	fprintf(look->out, "flood   %s, %.0f half-open flows gave way within a second of their SYN\n",
		json_is_true(json_object_get(table, "flood")) ? "now" : "no", json_figure(table, "half_open_evicted"));
	if (json_figure(ports, "of") > 0)
		fprintf(look->out, "ports   %.0f of %.0f toward the servers in use, %.0f re-used early\n",
			json_figure(ports, "in_use"), json_figure(ports, "of"), json_figure(ports, "reused_early"));
}

void render_picks(const struct look *look, const json_t *document)
{
	static const struct table_column columns[] = {{"SERVER"}, {"SLOTS", true}, {"SHARE", true}, {"WEIGHT"}, {NULL}};
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *server;
	size_t i;

	fprintf(look->out, "%s %s, %.0f slots, %.0f turns taken\n", json_text(document, "service"),
		json_text(document, "scheduler"), json_figure(document, "length"), json_figure(document, "turns"));
	if (json_array_size(json_object_get(document, "servers")) == 0 || table_new(&table, columns) < 0)
		return;
	json_array_foreach(json_object_get(document, "servers"), i, server)
	{
		table_row(table);
		table_set(table, 0, "%s", json_text(server, "name"));
		table_set(table, 1, "%.0f", json_figure(server, "slots"));
		table_set(table, 2, "%.1f%%", json_figure(server, "share_pct"));
		table_set_weight(table, 3, json_object_get(server, "weight"));
	}
	table_print(table, look->out, look->width, look->color);
}

/* Prints the verdicts in the order of their list, `all` or those that a packet met; a sentence for none. */
static void print_verdicts(const struct look *look, const json_t *document, bool all)
{
	static const struct table_column columns[] = {{"VERDICT"}, {"PACKETS", true}, {"ACTION"}, {"WHAT"}, {NULL}};
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *verdict;
	size_t i, n = 0;

	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(json_object_get(document, "verdicts"), i, verdict)
	{
		if (!all && json_figure(verdict, "packets") == 0)
			continue;
		n++;
		table_row(table);
		table_set(table, 0, "%s", json_text(verdict, "name"));
		table_set(table, 1, "%.0f", json_figure(verdict, "packets"));
		table_set(table, 2, "%s", json_text(verdict, "action"));
		table_set(table, 3, "%s", json_text(verdict, "text"));
	}
	if (n)
		table_print(table, look->out, look->width, look->color);
	else
		fprintf(look->out, "No packets yet. Is the program on an interface? See: muster\n");
}

void render_verdicts(const struct look *look, const json_t *document)
{
	print_verdicts(look, document, false);
}

void render_verdicts_all(const struct look *look, const json_t *document)
{
	print_verdicts(look, document, true);
}

void render_stats(const struct look *look, const json_t *document)
{
	const json_t *probes = json_object_get(document, "probes");
	char signals[512];

	print_verdicts(look, document, false);
	render_flow_table(look, document);
	render_signals_text(json_object_get(document, "signals"), signals, sizeof(signals));
	fprintf(look->out, "servers ");
	human_wrap(look->out, look->width, 8, 8, signals);
	fprintf(look->out, "probes  %.0f started, late by %.0f ms (median), %.0f ms (99 %%), %.0f ms (worst)\n",
		json_figure(probes, "started"), json_figure(probes, "late_p50_ms"), json_figure(probes, "late_p99_ms"),
		json_figure(probes, "late_max_ms"));
}

/* The event's time, "2026-11-21T09:28:39.123Z", as milliseconds since 1970; 0 when it has none. */
static int64_t stamp_ms(const json_t *event)
{
	struct tm tm = {};

	return strptime(json_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

void render_event(const struct look *look, const json_t *event, int64_t now_ms)
{
	const char *service = json_text(event, "service"), *server = json_text(event, "server");
	const char *from = json_text(event, "from"), *to = json_text(event, "to");
	const char *cause = json_text(event, "cause"), *owner = json_text(event, "owner");
	char when[HUMAN_SIZE], text[1024];
	int at;

	at = fprintf(look->out, "%s  ", human_time(stamp_ms(event), now_ms, when));
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s%s%s%s%s", json_text(event, "kind"),
		 *service || *server ? " " : "", service, *service && *server ? "/" : "", server,
		 *from || *to ? " " : "", from, *from && *to ? " -> " : "", to, *cause ? ": " : "", cause,
		 *owner ? " (" : "", owner, *owner ? ")" : "");
	human_wrap(look->out, look->width, (size_t)at, (size_t)at, text);
}

void render_events(const struct look *look, const json_t *document)
{
	const json_t *events = json_object_get(document, "events"), *event;
	int64_t now_ms = stamp_ms(json_array_get(events, json_array_size(events) - 1));
	size_t i;

	if (json_array_size(events) == 0)
		fprintf(look->out, "No events yet. Watch them come: muster events -f\n");
	json_array_foreach(events, i, event) render_event(look, event, now_ms);
}
