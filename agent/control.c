// SPDX-License-Identifier: GPL-2.0-or-later
/* The control API's calls: JSON in, an order or a question to the agent, JSON out. */
#include "control.h"

#include <stdio.h>
#include <string.h>

#include "alerts/alerts.h"
#include "change/change.h"
#include "clock.h"
#include "queries.h"
#include "rehearse/rehearsal.h"
#include "report/utf8.h"

static unsigned http_status(enum order_result result)
{
	static const unsigned status[] = {
		[ORDER_DONE] = 200,    [ORDER_UNCHANGED] = 200, [ORDER_USAGE] = 400,
		[ORDER_REFUSED] = 409, [ORDER_NOT_FOUND] = 404, [ORDER_FAILED] = 500,
	};

	return status[result];
}

void control_answer(void *context, const struct order_answer *answer)
{
	api_answer(context, http_status(answer->result), orders_answer_json(answer));
}

void control_answer_result(struct api_call *call, enum order_result result, const char *message)
{
	struct order_answer answer = {.result = result};

	snprintf(answer.message, sizeof(answer.message), "%s", message);
	control_answer(call, &answer);
}

static const char *text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

bool control_fields_good(struct api_call *call, const char *const *fields)
{
	char message[160];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)api_body(call), key, value)
	{
		const char *const *field = fields;

		while (*field && strcmp(*field + 1, key))
			field++;
		if (*field && (**field == 's'   ? json_is_string(value)
			       : **field == 'i' ? json_is_integer(value)
						: json_is_boolean(value)))
			continue;
		snprintf(message, sizeof(message),
			 *field ? "the field \"%.40s\" is of the wrong type"
				: "there is no field \"%.40s\" in this call",
			 key);
		control_answer_result(call, ORDER_USAGE, message);
		return false;
	}
	return true;
}

static int64_t number_of(const json_t *body, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(body, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

/* A name from outside goes into fixed room only whole. */
static bool name_fits(struct api_call *call, const char *name, const char *what)
{
	char message[128];

	if (name && strlen(name) < MUSTER_NAME_SIZE)
		return true;
	snprintf(message, sizeof(message), "\"%s\" is missing, or longer than %d bytes", what, MUSTER_NAME_SIZE - 1);
	control_answer_result(call, ORDER_USAGE, message);
	return false;
}

static void call_overlay(struct agent *agent, struct api_call *call, bool remove)
{
	static const char *const fields[] = {"sserver", "sservice", "saddress", "iport", "iweight",
					     "sas",     "bforce",   "bdry_run", NULL};
	const json_t *body = api_body(call);
	const char *server = text_of(body, "server"), *service = text_of(body, "service");
	const char *address = text_of(body, "address");
	int64_t port = number_of(body, "port", 0), weight = number_of(body, "weight", 1);
	struct overlay_request request = {
		.wish = {.remove = remove, .wall_ms = clock_wall_ms(), .port = port, .weight = weight},
		.force = json_is_true(json_object_get(body, "force")),
		.dry_run = json_is_true(json_object_get(body, "dry_run")),
	};
	struct overlay *wish = &request.wish;

	if (!control_fields_good(call, fields))
		return;
	if (!name_fits(call, server, "server") || !name_fits(call, remove && !service ? "" : service, "service"))
		return;
	if (!remove && (!address || address_parse(address, &wish->addr) < 0)) {
		control_answer_result(call, ORDER_USAGE, "\"address\" is missing, or no IPv4 or IPv6 address");
		return;
	}
	if (port < 0 || port > 65535 || weight < 0 || weight > 256) {
		control_answer_result(call, ORDER_USAGE, "\"port\" is 0 to 65535, and \"weight\" 0 to 256");
		return;
	}
	snprintf(wish->server, sizeof(wish->server), "%s", server);
	snprintf(wish->service, sizeof(wish->service), "%s", service ? service : "");
	if (text_of(body, "as"))
		snprintf(wish->owner, sizeof(wish->owner), "%.30s as %.20s", api_peer(call)->name, text_of(body, "as"));
	else
		snprintf(wish->owner, sizeof(wish->owner), "%s", api_peer(call)->name);
	orders_overlay(agent, &request, control_answer, call);
}

static void call_add(void *context, struct api_call *call)
{
	call_overlay(context, call, false);
}

static void call_remove(void *context, struct api_call *call)
{
	call_overlay(context, call, true);
}

static bool mode_of(const char *text, enum attach_mode *out)
{
	static const char *const name[] = {
		[ATTACH_AUTO] = "auto", [ATTACH_NATIVE] = "native", [ATTACH_GENERIC] = "generic"};

	*out = ATTACH_AUTO;
	for (size_t i = 0; text && i < ARRAY_SIZE(name); i++)
		if (!strcmp(text, name[i])) {
			*out = i;
			return true;
		}
	return !text;
}

static const char *attached_text(const struct attach_report *report)
{
	return !report->program_id ? "no program" : report->native ? "attached, native" : "attached, generic";
}

/* What is on an interface of ours now; no program of ours: a zeroed report. */
static struct attach_report interface_now(struct agent *agent, const char *ifname)
{
	struct attach_report all[INTERFACES_MOST];
	size_t n = kernel_interfaces(agent->kernel, all, INTERFACES_MOST);

	for (size_t i = 0; i < n && i < INTERFACES_MOST; i++)
		if (!strcmp(all[i].ifname, ifname))
			return all[i];
	return (struct attach_report){0};
}

static enum order_result interface_result(int error)
{
	return !error             ? ORDER_DONE
	       : error == -ENODEV ? ORDER_NOT_FOUND
	       : error == -EPERM  ? ORDER_REFUSED
				  : ORDER_FAILED;
}

static void call_interface(struct agent *agent, struct api_call *call, bool attach)
{
	static const char *const fields[] = {"sinterface", "smode", "sas", NULL};
	const char *ifname = text_of(api_body(call), "interface");
	struct attach_report was, report = {0};
	struct order_answer answer = {0};
	enum attach_mode mode;
	int error;

	if (!control_fields_good(call, fields))
		return;
	if (!ifname || !*ifname || strlen(ifname) >= IF_NAMESIZE || !mode_of(text_of(api_body(call), "mode"), &mode)) {
		control_answer_result(call, ORDER_USAGE,
				      "\"interface\" is missing, or \"mode\" is not auto, native or generic");
		return;
	}
	was = interface_now(agent, ifname);
	error = attach ? kernel_attach(agent->kernel, ifname, mode, &report)
		       : kernel_detach(agent->kernel, ifname, &report);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_INTERFACE,
						  .from = ifname,
						  .to = error ? "failed" : attached_text(&report),
						  .cause = report.text,
						  .owner = api_peer(call)->name});
	answer.result = interface_result(error);
	snprintf(answer.message, sizeof(answer.message), "%s: %s", ifname, report.text);
	if (!error) {
		answer.n_changes = 1;
		snprintf(answer.change[0].server, sizeof(answer.change[0].server), "%s", ifname);
		snprintf(answer.change[0].before, sizeof(answer.change[0].before), "%s", attached_text(&was));
		snprintf(answer.change[0].after, sizeof(answer.change[0].after), "%s", attached_text(&report));
		if (strcmp(answer.change[0].before, answer.change[0].after))
			snprintf(answer.undo, sizeof(answer.undo), "muster %s %s%s", attach ? "detach" : "attach",
				 ifname, !attach && was.program_id && !was.native ? " --mode generic" : "");
	}
	control_answer(call, &answer);
}

static void call_attach(void *context, struct api_call *call)
{
	call_interface(context, call, true);
}

static void call_detach(void *context, struct api_call *call)
{
	call_interface(context, call, false);
}

static void call_reload(void *context, struct api_call *call)
{
	static const char *const fields[] = {"sas", NULL};
	struct agent *agent = context;
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	FILE *faults;
	int error;

	if (!control_fields_good(call, fields))
		return;
	faults = open_memstream(&text, &length);
	error = faults ? change_reload(agent, api_peer(call)->name, faults) : -ENOMEM;
	if (faults)
		fclose(faults);
	control_answer_result(call,
			      !error                                                   ? ORDER_DONE
			      : error == -EINVAL || error == -EBUSY || error == -EPERM ? ORDER_REFUSED
										       : ORDER_FAILED,
			      error ? text : "the configuration is read and in force");
}

const struct api_route control_routes[] = {
	{"GET", "/v1/status", query_status},
	{"GET", "/v1/server", query_server},
	{"GET", "/v1/leases", query_leases},
	{"GET", "/v1/flows", query_flows},
	{"GET", "/v1/flows/count", query_flow_count},
	{"GET", "/v1/verdicts", query_verdicts},
	{"GET", "/v1/picks", query_picks},
	{"GET", "/v1/stats", query_stats},
	{"GET", "/v1/audit", query_audit},
	{"GET", "/v1/postmortem", query_postmortem},
	{"GET", "/v1/events", query_events},
	{"GET", "/v1/storage", query_storage},
	{"POST", "/v1/drain", call_drain},
	{"POST", "/v1/maintenance", call_maintenance},
	{"POST", "/v1/weight", call_weight},
	{"POST", "/v1/return", call_return},
	{"POST", "/v1/lease/extend", call_extend},
	{"POST", "/v1/lease/release", call_release},
	{"POST", "/v1/add", call_add},
	{"POST", "/v1/remove", call_remove},
	{"POST", "/v1/attach", call_attach},
	{"POST", "/v1/detach", call_detach},
	{"POST", "/v1/upgrade", call_upgrade},
	{"POST", "/v1/reload", call_reload},
	{"GET", "/v1/alerts", call_alerts},
	{"POST", "/v1/ack", call_ack},
	{"POST", "/v1/alert/test", call_alert_test},
	{"POST", "/v1/plan", call_plan},
	{"POST", "/v1/apply", call_apply},
	{"POST", "/v1/confirm", call_confirm},
	{"POST", "/v1/rollback", call_rollback},
	{"GET", "/v1/rehearsal", query_rehearsal},
	{"POST", "/v1/rehearse", call_rehearse},
	{"POST", "/v1/rehearse/stop", call_rehearse_stop},
	{NULL, NULL, NULL},
};
