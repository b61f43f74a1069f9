// SPDX-License-Identifier: GPL-2.0-or-later
#include "render.h"

#include "human.h"
#include "table.h"

/* "web-pager, ops-mail"; "nobody". */
static void names(FILE *out, const json_t *list)
{
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
	{
		const char *text = json_string_value(name);

		fprintf(out, "%s", i ? ", " : "");
		human_print(out, text ? text : "", text ? strlen(text) : 0);
	}
	if (!json_array_size(list))
		fprintf(out, "nobody");
}

static void told(const struct look *look, const json_t *alert)
{
	const json_t *ack = json_object_get(alert, "acknowledged");
	char left[HUMAN_SIZE];

	fprintf(look->out, "  told: ");
	names(look->out, json_object_get(alert, "told"));
	if (json_array_size(json_object_get(alert, "owed"))) {
		fprintf(look->out, "; still to be told: ");
		names(look->out, json_object_get(alert, "owed"));
	}
	fprintf(look->out, "\n");
	if (json_is_object(ack)) {
		fprintf(look->out, "  acknowledged by ");
		human_print(look->out, json_text(ack, "owner"), strlen(json_text(ack, "owner")));
		fprintf(look->out, ", for another %s\n", human_left((int64_t)json_figure(ack, "left_ms"), left));
	} else if (json_known(alert, "told_again_ms")) {
		fprintf(look->out, "  told again in %s, unless: muster ack %.0f\n",
			human_age((int64_t)json_figure(alert, "told_again_ms"), left), json_figure(alert, "id"));
	}
}

static void one(const struct look *look, const json_t *alert)
{
	double times = json_figure(alert, "times");
	const json_t *next;
	char age[HUMAN_SIZE], head[64];
	size_t i;

	snprintf(head, sizeof(head), "%.0f  ", json_figure(alert, "id"));
	fprintf(look->out, "%s", head);
	render_state(look, json_text(alert, "severity"));
	fprintf(look->out, "  %s, for %s", json_text(alert, "alert"),
		human_age((int64_t)json_figure(alert, "age_ms"), age));
	if (times > 1)
		fprintf(look->out, ", %.0f times in a row", times);
	fprintf(look->out, "\n  ");
	human_wrap(look->out, look->width, 2, 2, json_text(alert, "summary"));
	fprintf(look->out, "  ");
	human_wrap(look->out, look->width, 2, 2, json_text(alert, "means"));
	json_array_foreach(json_object_get(alert, "next"), i, next)
	{
		const char *text = json_string_value(next);

		fprintf(look->out, "  > ");
		human_print(look->out, text ? text : "", text ? strlen(text) : 0);
		fprintf(look->out, "\n");
	}
	told(look, alert);
}

static void receivers(const struct look *look, const json_t *list)
{
	enum { NAME, TYPE, PLACE, STEP, SEVERITY, DELIVERED, OWED, STATE };
	static const struct table_column columns[] = {{"RECEIVER"},
						      {"TYPE"},
						      {"PLACE", .drop = 2},
						      {"STEP", .right = true, .drop = 3},
						      {"FROM", .drop = 4},
						      {"DELIVERED", .right = true, .drop = 1},
						      {"OWED", .right = true},
						      {"STATE"},
						      {}};
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *receiver;
	size_t i;

	if (!json_array_size(list) || table_new(&table, columns) < 0)
		return;
	json_array_foreach(list, i, receiver)
	{
		table_row(table);
		table_set(table, NAME, "%s", json_text(receiver, "name"));
		table_set(table, TYPE, "%s", json_text(receiver, "type"));
		table_set(table, PLACE, "%s", *json_text(receiver, "place") ? json_text(receiver, "place") : "-");
		table_set(table, STEP, "%.0f", json_figure(receiver, "step"));
		table_set(table, SEVERITY, "%s", json_text(receiver, "severity"));
		table_set(table, DELIVERED, "%.0f", json_figure(receiver, "delivered"));
		table_set(table, OWED, "%.0f", json_figure(receiver, "owed"));
		table_set(table, STATE, "%s", *json_text(receiver, "fault") ? json_text(receiver, "fault") : "good");
	}
	table_print(table, look->out, look->width, look->color);
}

void render_alerts(const struct look *look, const json_t *document)
{
	const json_t *alerts = json_object_get(document, "alerts"), *alert;
	size_t i;

	json_array_foreach(alerts, i, alert)
	{
		one(look, alert);
		fprintf(look->out, "\n");
	}
	if (!json_array_size(alerts))
		fprintf(look->out, "no alert is open\n");
	if (json_figure(document, "lost") > 0)
		fprintf(look->out, "%.0f were given up: nobody could be told within 24 h, or there was no room\n",
			json_figure(document, "lost"));
	receivers(look, json_object_get(document, "receivers"));
	if (!json_array_size(json_object_get(document, "receivers")))
		fprintf(look->out, "no receiver is configured, so nobody is told: see receivers in musterd.conf(5)\n");
}
