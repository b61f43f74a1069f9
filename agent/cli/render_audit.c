// SPDX-License-Identifier: GPL-2.0-or-later
#include "render.h"

#include "human.h"
#include "table.h"

/* What is not judged is no finding, but is not passed over in silence. */
static void render_shares(const struct look *look, const json_t *document)
{
	const json_t *one;
	char line[640];
	size_t i;

	json_array_foreach(json_object_get(document, "shares"), i, one)
	{
		snprintf(line, sizeof(line), "%s: shares %s", json_text(one, "service"), json_text(one, "text"));
		human_wrap(look->out, look->width, 0, 2, line);
	}
}

void render_audit(const struct look *look, const json_t *document)
{
	static const struct table_column columns[] = {{"SEVERITY"}, {"WHAT"}, {"SINCE", true}, {"FINDING"}, {NULL}};
	const json_t *findings = json_object_get(document, "findings"), *finding;
	_cleanup_(table_free) struct table *table = NULL;
	char age[HUMAN_SIZE];
	size_t i;

	if (json_array_size(findings) == 0) {
		fprintf(look->out, "Every server serves as declared; maps, packets and interfaces agree\n");
		render_shares(look, document);
		return;
	}
	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(findings, i, finding)
	{
		bool both = json_known(finding, "service") && json_known(finding, "server");

		table_row(table);
		table_set(table, 0, "%s", json_text(finding, "severity"));
		table_set(table, 1, "%s%s%s", json_text(finding, "service"), both ? "/" : "",
			  json_text(finding, "server"));
		table_set(table, 2, "%s", human_age((int64_t)json_figure(finding, "age_ms"), age));
		table_set(table, 3, "%s (%s); next: %s", json_text(finding, "meaning"), json_text(finding, "text"),
			  json_text(finding, "next"));
	}
	table_print(table, look->out, look->width, look->color);
	render_shares(look, document);
}
