// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that change something. */
#include "cli.h"

#include "client.h"
#include "names.h"

/* Who asks, beside the user id that the agent sees for itself. */
static void put_claim(struct session *session, json_t *body)
{
	const char *as = cli_option(&session->request, "as")->text;

	if (!as)
		as = getenv("SUDO_USER");
	if (as && *as)
		json_object_set_new(body, "as", json_string(as));
}

int change(struct session *session, const char *path, json_t *body)
{
	_cleanup_(answer_free) struct answer answer = {};

	put_claim(session, body);
	if (client_call(session->socket, path, body, &answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text ? answer.text : "");
	else
		render_change(&session->look, stderr, answer.json);
	return client_exit(&answer);
}

/* A new body with the server that was typed; NULL with *result set when it cannot be one. */
static json_t *server_body(struct session *session, int *result)
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

static void put_lease(struct session *session, json_t *body)
{
	json_object_set_new(body, "for_s", json_integer(cli_option(&session->request, "for")->number));
	json_object_set_new(body, "reason", json_string(cli_option(&session->request, "reason")->text));
}

int run_drain(struct session *session)
{
	int result;
	json_t *body = server_body(session, &result);

	if (!body)
		return result;
	put_lease(session, body);
	return change(session, "/v1/drain", body);
}

int run_weight(struct session *session)
{
	int result;
	json_t *body = server_body(session, &result);

	if (!body)
		return result;
	json_object_set_new(body, "weight", json_integer(session->request.arguments[1].number));
	put_lease(session, body);
	return change(session, "/v1/weight", body);
}

int run_return(struct session *session)
{
	int result;
	json_t *body = server_body(session, &result);

	if (!body)
		return result;
	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	return change(session, "/v1/return", body);
}

int run_remove(struct session *session)
{
	int result;
	json_t *body = server_body(session, &result);

	return body ? change(session, "/v1/remove", body) : result;
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
