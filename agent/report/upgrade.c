// SPDX-License-Identifier: GPL-2.0-or-later
#include "upgrade.h"

#include <stdio.h>

#include "status.h"

static bool changed(const struct attach_report *report)
{
	return report->error == 0 && !report->adopted;
}

static const char *result_of(int error, const struct attach_report *reports, size_t n)
{
	if (error == 0) {
		for (size_t i = 0; i < n; i++)
			if (changed(&reports[i]))
				return "done";
		return "unchanged";
	}
	/* Nothing was tried, or everything that was not is somebody's decision. */
	for (size_t i = 0; i < n; i++)
		if (reports[i].error != -EPERM)
			return "failed";
	if (n)
		return "refused";
	return error == -EPROTO ? "refused" : error == -ENOENT ? "not_found" : "failed";
}

/* Every interface's own sentence; where all went well the changes tell it, and one sentence for all will do. */
static void write_message(FILE *out, int error, const struct attach_report *reports, size_t n)
{
	size_t n_changed = 0;

	for (size_t i = 0; i < n; i++)
		n_changed += changed(&reports[i]);
	if (error == 0 && n_changed == n && n > 0) {
		fprintf(out, "%s",
			n == 1 ? "the program was replaced in one step; no packet was lost to it"
			       : "the programs were each replaced in one step; no packet was lost to it");
		return;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s: %s", i ? "; " : "", reports[i].ifname, reports[i].text);
}

json_t *upgrade_json(int error, const char *why, const struct attach_report *reports, size_t n)
{
	_cleanup_(freep) char *message = NULL;
	json_t *changes = json_array();
	size_t length = 0;
	FILE *out;

	for (size_t i = 0; i < n; i++)
		if (changed(&reports[i]))
			json_array_append_new(changes,
					      json_pack("{s:s, s:s, s:s}", "interface", reports[i].ifname, "before",
							reports[i].before, "after", reports[i].text));
	out = open_memstream(&message, &length);
	if (out) {
		if (n)
			write_message(out, error, reports, n);
		else
			fprintf(out, "%s", why);
		fclose(out);
	}
	return json_pack("{s:i, s:s, s:o, s:o}", "schema", STATUS_SCHEMA, "result", result_of(error, reports, n),
			 "message", status_text(message ? message : ""), "changes", changes);
}
