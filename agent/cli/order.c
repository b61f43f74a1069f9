// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that change something. */
#include "cli.h"

#include "client.h"
#include "names.h"

/* Who asks, beside the user id that the agent sees for itself. */
static void put_claim(struct session *session, json_t *body)
{
	const char *as = cli_option(&session->request, "as")->text, *sudo = getenv("SUDO_USER");
	char both[256];

	sudo = sudo && *sudo ? sudo : NULL;
	if (as && sudo && strcmp(as, sudo) != 0) {
		snprintf(both, sizeof(both), "%s (sudo by %s)", as, sudo);
		as = both;
	}
	as = as ? as : sudo;
	if (as)
		json_object_set_new(body, "as", json_string(as));
}

int change_answered(struct session *session, const char *path, json_t *body, struct answer *answer)
{
	put_claim(session, body);
	if (client_call(session->socket, path, body, answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer->text ? answer->text : "");
	else
		render_change(&session->look, stderr, answer->json);
	fflush(session->look.out);
	return client_exit(answer);
}

int change(struct session *session, const char *path, json_t *body)
{
	_cleanup_(answer_free) struct answer answer = {};

	return change_answered(session, path, body, &answer);
}

json_t *change_of_server(struct session *session, int *result)
{
	_cleanup_(answer_free) struct answer answer = {};
	struct server_name name;
	json_t *body;

	*result = CLI_FAILED;
	if (client_call(session->socket, "/v1/status", NULL, &answer) < 0)
		return NULL;
	*result = names_server(answer.json, session->request.arguments[0].text, &name, stderr);
	if (*result)
		return NULL;
	body = json_pack("{s:s}", "server", name.server);
	if (*name.service)
		json_object_set_new(body, "service", json_string(name.service));
	return body;
}

int change_length(struct session *session, json_t *body)
{
	const struct cli_value *length = cli_option(&session->request, "for");
	const struct cli_value *endless = cli_option(&session->request, "indefinitely");

	if (endless->given && length->given) {
		fprintf(stderr, "muster: --for and --indefinitely exclude each other\n");
		return CLI_USAGE;
	}
	if (endless->given)
		json_object_set_new(body, "indefinitely", json_true());
	else
		json_object_set_new(body, "for_s", json_integer(length->number));
	return CLI_DONE;
}

void change_gate(struct session *session, json_t *body)
{
	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	if (cli_option(&session->request, "dry-run")->given)
		json_object_set_new(body, "dry_run", json_true());
}

int change_lease(struct session *session, json_t *body)
{
	json_object_set_new(body, "reason", json_string(cli_option(&session->request, "reason")->text));
	return change_length(session, body);
}

/* An order that holds a server out, and with --wait what comes of it. */
static int hold_out(struct session *session, const char *path)
{
	const struct cli_request *request = &session->request;
	_cleanup_(answer_free) struct answer answer = {};
	int result;
	json_t *body = change_of_server(session, &result);

	if (!body)
		return result;
	if (cli_option(request, "no-recall")->given)
		json_object_set_new(body, "no_recall", json_true());
	if (cli_option(request, "then-kill-after")->given)
		json_object_set_new(body, "kill_after_s", json_integer(cli_option(request, "then-kill-after")->number));
	change_gate(session, body);
	result = change_lease(session, body);
	if (!result)
		result = change_answered(session, path, json_incref(body), &answer);
	if (!result && cli_option(request, "wait")->given && !cli_option(request, "dry-run")->given)
		result = wait_empty(session, body, answer.json);
	json_decref(body);
	return result;
}

int run_drain(struct session *session)
{
	return hold_out(session, "/v1/drain");
}

int run_maintenance(struct session *session)
{
	return hold_out(session, "/v1/maintenance");
}

int run_weight(struct session *session)
{
	int result;
	json_t *body = change_of_server(session, &result);

	if (!body)
		return result;
	json_object_set_new(body, "weight", json_integer(session->request.arguments[1].number));
	change_gate(session, body);
	result = change_lease(session, body);
	if (!result)
		return change(session, "/v1/weight", body);
	json_decref(body);
	return result;
}

int run_return(struct session *session)
{
	int result;
	json_t *body;

	if (offline_asked(session))
		return offline_return_server(session);
	body = change_of_server(session, &result);

	if (!body)
		return result;
	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	return change(session, "/v1/return", body);
}

int run_remove(struct session *session)
{
	int result;
	json_t *body = change_of_server(session, &result);

	if (!body)
		return result;
	change_gate(session, body);
	return change(session, "/v1/remove", body);
}

int run_add(struct session *session)
{
	const struct cli_request *request = &session->request;
	_cleanup_(answer_free) struct answer answer = {};
	char service[MUSTER_NAME_SIZE];
	json_t *body;
	int result;

	if (client_call(session->socket, "/v1/status", NULL, &answer) < 0)
		return CLI_FAILED;
	result = names_service(answer.json, cli_option(request, "service")->text, service, stderr);
	if (result)
		return result;
	body = json_pack("{s:s, s:s, s:s, s:I}", "server", request->arguments[0].text, "service", service, "address",
			 cli_option(request, "address")->text, "weight",
			 (json_int_t)cli_option(request, "weight")->number);
	if (!body) {
		fprintf(stderr, "muster: the name '%s' is not valid UTF-8; give another\n", request->arguments[0].text);
		return CLI_USAGE;
	}
	if (cli_option(request, "port")->given)
		json_object_set_new(body, "port", json_integer(cli_option(request, "port")->number));
	return change(session, "/v1/add", body);
}

int run_reload(struct session *session)
{
	return change(session, "/v1/reload", json_object());
}
