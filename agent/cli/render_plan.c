// SPDX-License-Identifier: GPL-2.0-or-later
/* `muster plan`: a table a service, what is left without each server, what speaks against it. */
#include "human.h"
#include "render.h"
#include "table.h"

enum { NAME, CHANGE, WEIGHT, SHARE };

static const struct table_column columns[] = {
	[NAME] = {"SERVER"}, [CHANGE] = {"CHANGE"}, [WEIGHT] = {"WEIGHT"}, [SHARE] = {"SHARE"}, {NULL}};

static void weight_text(const json_t *server, const char *key, char *out, size_t size)
{
	if (json_known(server, key))
		snprintf(out, size, "%.0f", json_figure(server, key));
	else
		snprintf(out, size, "-");
}

/* A figure, or two of them where it changes. */
static void set_change(struct table *table, size_t column, const char *before, const char *after, bool added)
{
	if (added || strcmp(before, after) == 0)
		table_set(table, column, "%s", after);
	else
		table_set(table, column, "%s -> %s", before, after);
}

/* "on_memory: weigh -> recycle" */
static void render_keys(const struct look *look, const json_t *service)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(service, "keys"), i, one)
	{
		const char *before = json_text(one, "before"), *after = json_text(one, "after");

		fprintf(look->out, "%s: %s -> %s\n", json_text(one, "key"), *before ? before : "none",
			*after ? after : "none");
	}
}

static void render_servers_of(const struct look *look, const json_t *service)
{
	const json_t *server;
	struct table *table;
	size_t i;

	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(json_object_get(service, "servers"), i, server)
	{
		const char *change = json_text(server, "change");
		bool added = !strcmp(change, "added");
		char before[16], after[16];

		table_row(table);
		table_set(table, NAME, "%s", json_text(server, "name"));
		if (!strcmp(change, "removed"))
			table_color(table, CHANGE, state_color(look, "down"));
		if (strcmp(change, "removed") && json_is_false(json_object_get(server, "in_file")))
			change = "by a command, not in FILE";
		table_set(table, CHANGE, "%s", !strcmp(change, "same") ? "-" : change);
		weight_text(server, "weight_before", before, sizeof(before));
		weight_text(server, "weight_after", after, sizeof(after));
		set_change(table, WEIGHT, before, after, added);
		snprintf(before, sizeof(before), "%.0f%%", json_figure(server, "share_before_pct"));
		snprintf(after, sizeof(after), "%.0f%%", json_figure(server, "share_after_pct"));
		set_change(table, SHARE, before, after, added);
	}
	table_print(table, look->out, look->width, look->color);
	table_free(&table);
}

static void render_without(const struct look *look, const json_t *service)
{
	const json_t *one;
	char line[256];
	size_t i;

	json_array_foreach(json_object_get(service, "without"), i, one)
	{
		int left = (int)json_figure(one, "left"), used;

		used = snprintf(line, sizeof(line), "without %s: ", json_text(one, "server"));
		if (!left)
			snprintf(line + used, sizeof(line) - (size_t)used, "nobody serves");
		else
			used += snprintf(line + used, sizeof(line) - (size_t)used, "%d left, the busiest with %.0f%%",
					 left, json_figure(one, "greatest_share_pct"));
		if (left && json_known(one, "max_flows"))
			snprintf(line + used, sizeof(line) - (size_t)used, ", %.0f live flows at most",
				 json_figure(one, "max_flows"));
		human_wrap(look->out, look->width, 0, 2, line);
	}
}

void render_plan(const struct look *look, const json_t *document)
{
	const json_t *service;
	char line[1024];
	size_t i;

	json_array_foreach(json_object_get(document, "services"), i, service)
	{
		const json_t *gate = json_object_get(service, "gate");
		const char *change = json_text(service, "change");

		fprintf(look->out, "%s%s%s%s\n", i ? "\n" : "", json_text(service, "name"),
			strcmp(change, "same") ? " " : "", strcmp(change, "same") ? change : "");
		render_keys(look, service);
		render_servers_of(look, service);
		render_without(look, service);
		if (*json_text(gate, "text")) {
			snprintf(line, sizeof(line), "%s: %s", json_text(gate, "answer"), json_text(gate, "text"));
			human_wrap(look->out, look->width, 0, 2, line);
		}
		if (json_is_true(json_object_get(service, "single")) && strcmp(change, "removed"))
			human_wrap(look->out, look->width, 0, 2,
				   "! it rests on one server: when that one goes, nobody answers");
	}
	if (*json_text(document, "message")) {
		fprintf(look->out, "\n");
		snprintf(line, sizeof(line), "%s%s",
			 !strcmp(json_text(document, "result"), "refused") ? "refused: " : "",
			 json_text(document, "message"));
		human_wrap(look->out, look->width, 0, 0, line);
	}
}
