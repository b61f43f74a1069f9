// SPDX-License-Identifier: GPL-2.0-or-later
/* attach, detach and upgrade: by the agent where one answers, else by this process itself. */
#include "cli.h"

#include <limits.h>

#include "../kernel/attach.h"
#include "../report/upgrade.h"
#include "client.h"

static const char *stand(const struct attach_report *report)
{
	return report->program_id == 0 ? "no program" : report->native ? "attached, native" : "attached, generic";
}

/* The same document that the agent would have answered. */
static json_t *document(const struct attach_report *before, const struct attach_report *after, bool attach, int error)
{
	const char *result = error == -EPERM                                                              ? "refused"
			     : error == -ENODEV                                                           ? "not_found"
			     : error                                                                      ? "failed"
			     : before->program_id == after->program_id && before->native == after->native ? "unchanged"
													  : "done";
	json_t *out = json_pack("{s:i, s:s, s:s+, s:[]}", "schema", 1, "result", result, "message", "", after->text,
				"changes");

	if (strcmp(result, "done") != 0)
		return out;
	json_array_append_new(json_object_get(out, "changes"),
			      json_pack("{s:s, s:s, s:s}", "interface", after->ifname, "before", stand(before), "after",
					stand(after)));
	json_object_set_new(out, "undo",
			    json_sprintf("muster %s %s%s", attach ? "detach" : "attach", after->ifname,
					 !attach && !before->native ? " --mode generic" : ""));
	return out;
}

static const enum attach_mode modes[] = {ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC}; /* as the words */

/* The document that this process made itself; takes its reference. */
static int show(struct session *session, json_t *document)
{
	_cleanup_(answer_free) struct answer answer = {.json = document};

	if (session->json) {
		json_dumpf(answer.json, session->look.out, JSON_COMPACT);
		fprintf(session->look.out, "\n");
	} else {
		render_change(&session->look, stderr, answer.json);
	}
	return client_exit(&answer);
}

/* The answer of the agent. */
static int show_answer(struct session *session, const struct answer *answer)
{
	if (session->json)
		fprintf(session->look.out, "%s\n", answer->text ? answer->text : "");
	else
		render_change(&session->look, stderr, answer->json);
	return client_exit(answer);
}

static int local(struct session *session, bool attach)
{
	const struct cli_request *request = &session->request;
	const char *ifname = request->arguments[0].text, *object = cli_option(request, "object")->text;
	const char *pins = cli_option(request, "pins")->text;
	struct attach_report before = {}, after = {};
	char buf[PATH_MAX];
	int error;

	if (geteuid() != 0) {
		fprintf(stderr, "muster: %s %s without the agent (%s) needs root: use sudo, or start musterd\n",
			attach ? "attaching to" : "detaching from", ifname, session->socket);
		return CLI_FAILED;
	}
	if (!pins)
		pins = CLI_PINS;
	attach_query(pins, ifname, &before);
	error = attach ? attach_device(object ? object : cli_object(buf), pins, ifname,
				       modes[cli_option(request, "mode")->number], &after)
		       : detach_device(pins, ifname, &after);
	snprintf(after.ifname, sizeof(after.ifname), "%s", ifname);
	return show(session, document(&before, &after, attach, error));
}

/* What the link will do is said before it does it. */
static void warn(struct session *session)
{
	char text[256];

	attach_warn(session->request.arguments[0].text, modes[cli_option(&session->request, "mode")->number], text,
		    sizeof(text));
	if (*text)
		fprintf(stderr, "muster: %s\n", text);
}

static int attach_or_detach(struct session *session, bool attach)
{
	static const char *const words[] = {"auto", "native", "generic"};
	const struct cli_request *request = &session->request;
	_cleanup_(answer_free) struct answer answer = {};
	json_t *body;
	int error;

	if (attach)
		warn(session);
	/* Naming the program or the maps is for a machine without an agent, or beside the agent's own pins. */
	if (cli_option(request, "object")->given || cli_option(request, "pins")->given)
		return local(session, attach);
	body = json_pack("{s:s}", "interface", request->arguments[0].text);
	if (attach)
		json_object_set_new(body, "mode", json_string(words[cli_option(request, "mode")->number]));
	error = client_try(session->socket, attach ? "/v1/attach" : "/v1/detach", body, &answer);
	if (error == -ENOENT || error == -ECONNREFUSED)
		return local(session, attach);
	if (error)
		return CLI_FAILED;
	return show_answer(session, &answer);
}

int run_attach(struct session *session)
{
	return attach_or_detach(session, true);
}

int run_detach(struct session *session)
{
	return attach_or_detach(session, false);
}

#define UPGRADES_MOST 64

static int upgrade_local(struct session *session, const char *object)
{
	const char *pins = cli_option(&session->request, "pins")->text;
	_cleanup_(freep) struct attach_report *reports = calloc(UPGRADES_MOST, sizeof(*reports));
	size_t n = UPGRADES_MOST;
	char buf[PATH_MAX], why[512] = "";
	int error;

	if (geteuid() != 0 || !reports) {
		fprintf(stderr, "muster: upgrading without the agent (%s) needs root: use sudo, or start musterd\n",
			session->socket);
		return CLI_FAILED;
	}
	error = upgrade_devices(object ? object : cli_object(buf), pins ? pins : CLI_PINS, reports, &n, why,
				sizeof(why));
	return show(session, upgrade_json(error, why, reports, n));
}

int run_upgrade(struct session *session)
{
	const struct cli_request *request = &session->request;
	const char *object = request->arguments[0].text; /* NULL: none was given */
	_cleanup_(answer_free) struct answer answer = {};
	char path[PATH_MAX];
	json_t *body;
	int error;

	if (object && !realpath(object, path)) {
		fprintf(stderr, "muster: reading %s: %s\n", object, strerror(errno));
		return CLI_FAILED;
	}
	if (cli_option(request, "pins")->given)
		return upgrade_local(session, object ? path : NULL);
	body = json_object();
	if (object)
		json_object_set_new(body, "object", json_string(path));
	error = client_try(session->socket, "/v1/upgrade", body, &answer);
	if (error == -ENOENT || error == -ECONNREFUSED)
		return upgrade_local(session, object ? path : NULL);
	return error ? CLI_FAILED : show_answer(session, &answer);
}
