// SPDX-License-Identifier: GPL-2.0-or-later
/* `lease list`: every order, a line each. */
#include "human.h"
#include "render.h"
#include "table.h"

enum { LEASE, SERVER, ORDER, OWNER, SINCE, LEFT, REASON };

static const struct table_column columns[] = {
	[LEASE] = {"LEASE", true},      [SERVER] = {"SERVER"}, [ORDER] = {"ORDER"},   [OWNER] = {"OWNER"},
	[SINCE] = {"SINCE", .drop = 1}, [LEFT] = {"LEFT"},     [REASON] = {"REASON"}, {NULL},
};

static void set_left(struct table *table, const json_t *lease)
{
	char left[HUMAN_SIZE];

	if (json_is_true(json_object_get(lease, "pending")))
		table_set(table, LEFT, "not on disk yet");
	else if (json_is_false(json_object_get(lease, "declared")))
		table_set(table, LEFT, "not declared");
	else if (json_is_object(json_object_get(lease, "suspended")))
		table_set(table, LEFT, "recalled");
	else if (json_is_true(json_object_get(lease, "overdue")))
		table_set(table, LEFT, "overdue");
	else if (!json_known(lease, "left_ms"))
		table_set(table, LEFT, "no end");
	else
		table_set(table, LEFT, "%s", human_left((int64_t)json_figure(lease, "left_ms"), left));
}

static void add_lease(struct table *table, const json_t *lease, int64_t now_ms)
{
	const char *claim = json_text(lease, "claim");
	char since[HUMAN_SIZE];

	table_row(table);
	table_set(table, LEASE, "%.0f", json_figure(lease, "id"));
	table_set(table, SERVER, "%s/%s", json_text(lease, "service"), json_text(lease, "server"));
	if (strcmp(json_text(lease, "kind"), "weight") == 0)
		table_set(table, ORDER, "weight %.0f", json_figure(lease, "weight"));
	else
		table_set(table, ORDER, "%s", json_text(lease, "kind"));
	table_set(table, OWNER, "%s%s%s", json_text(lease, "owner"), *claim ? " as " : "", claim);
	table_set(table, SINCE, "%s", human_time((int64_t)json_figure(lease, "since_ms"), now_ms, since));
	set_left(table, lease);
	table_set(table, REASON, "%s", json_text(lease, "reason"));
}

void render_leases(const struct look *look, const json_t *document)
{
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *leases = json_object_get(document, "leases"), *lease;
	int64_t now_ms = (int64_t)json_figure(document, "wall_ms");
	size_t i;

	if (json_array_size(leases) == 0) {
		fprintf(look->out, "No orders: every server has its declared weight\n");
		return;
	}
	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(leases, i, lease) add_lease(table, lease, now_ms);
	table_print(table, look->out, look->width, look->color);
}
