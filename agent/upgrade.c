// SPDX-License-Identifier: GPL-2.0-or-later
/* POST /v1/upgrade: a new program version on every interface that carries ours. */
#include "agent.h"
#include "control.h"
#include "report/upgrade.h"

static void answer_fault(struct api_call *call, unsigned status, const char *result, const char *message)
{
	api_answer(call, status,
		   json_pack("{s:i, s:s, s:s, s:[]}", "schema", CONTROL_SCHEMA, "result", result, "message", message,
			     "changes"));
}

static unsigned http_status(const json_t *answer)
{
	const char *result = json_string_value(json_object_get(answer, "result"));

	return strcmp(result, "failed") == 0      ? 500
	       : strcmp(result, "refused") == 0   ? 409
	       : strcmp(result, "not_found") == 0 ? 404
						  : 200;
}

static void note(struct agent *agent, const struct attach_report *report, const char *owner)
{
	if (report->adopted)
		return;
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_INTERFACE,
						  .from = report->ifname,
						  .to = report->error ? "failed" : "upgraded",
						  .cause = report->text,
						  .owner = owner});
}

void call_upgrade(void *context, struct api_call *call)
{
	struct agent *agent = context;
	const json_t *object = json_object_get(api_body(call), "object");
	const char *path = json_string_value(object);
	struct attach_report *reports;
	size_t n = INTERFACES_MOST;
	char why[512] = "";
	json_t *answer;
	int error;

	if (object && (!path || path[0] != '/')) {
		answer_fault(call, 400, "usage", "\"object\" is a file's whole path");
		return;
	}
	/* A program sees every packet: which one is loaded is root's to say, not the socket's group's. */
	if (path && api_peer(call)->uid != 0) {
		answer_fault(call, 409, "refused",
			     "only root may name the object; without a name it is the configured one");
		return;
	}
	reports = calloc(n, sizeof(*reports));
	if (!reports) {
		answer_fault(call, 500, "failed", "out of memory");
		return;
	}
	error = kernel_upgrade(agent->kernel, path, reports, &n, why, sizeof(why));
	for (size_t i = 0; i < n; i++)
		note(agent, &reports[i], api_peer(call)->name);
	answer = upgrade_json(error, why, reports, n);
	free(reports);
	api_answer(call, http_status(answer), answer);
}
