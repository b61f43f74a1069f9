// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that ask and show. */
#include "cli.h"

#include "client.h"
#include "names.h"

/* Shows an answer: the document as it is, or as text. Faults the agent found are a sentence. */
static int show_answer(struct session *session, const struct answer *answer, render_fn render)
{
	int result = answer->status == 200 ? CLI_DONE : client_exit(answer);

	if (session->json)
		fprintf(session->look.out, "%s\n", answer->text ? answer->text : "");
	else if (!answer->json)
		fprintf(stderr, "muster: the agent's answer (HTTP %ld) is no JSON; are both of one version?\n",
			answer->status);
	else if (result == CLI_DONE)
		render(&session->look, answer->json);
	else
		render_change(&session->look, stderr, answer->json);
	return answer->json ? result : CLI_FAILED;
}

static int show(struct session *session, const char *path, render_fn render)
{
	_cleanup_(answer_free) struct answer answer = {};

	if (client_call(session->socket, path, NULL, &answer) < 0)
		return CLI_FAILED;
	return show_answer(session, &answer, render);
}

static int show_status(struct session *session, render_fn render)
{
	return offline_asked(session) ? offline_status(session, render) : show(session, "/v1/status", render);
}

int run_status(struct session *session)
{
	return show_status(session, render_status);
}

int run_show_services(struct session *session)
{
	return show_status(session, render_services);
}

int run_show_servers(struct session *session)
{
	return show_status(session, render_servers);
}

int run_show_stats(struct session *session)
{
	return show(session, "/v1/stats", render_stats);
}

int run_show_verdicts(struct session *session)
{
	bool all = cli_option(&session->request, "all")->given;

	return show(session, "/v1/verdicts", all ? render_verdicts_all : render_verdicts);
}

/* Resolves a typed server into query arguments of *path. */
static int query_server(struct session *session, char **path, const char *key, const char *typed)
{
	_cleanup_(answer_free) struct answer answer = {};
	struct server_name name;
	int result;

	if (client_call(session->socket, "/v1/status", NULL, &answer) < 0)
		return CLI_FAILED;
	result = names_server(answer.json, typed, &name, stderr);
	if (result)
		return result;
	if (client_query(path, key, name.server) < 0 ||
	    client_query(path, "service", *name.service ? name.service : NULL) < 0)
		return CLI_FAILED;
	return CLI_DONE;
}

int run_show_server(struct session *session)
{
	_cleanup_(freep) char *path = strdup("/v1/server");
	int result;

	if (offline_asked(session))
		return offline_server(session);
	result = query_server(session, &path, "name", session->request.arguments[0].text);

	return result ? result : show(session, path, render_server);
}

int run_show_picks(struct session *session)
{
	_cleanup_(freep) char *path = strdup("/v1/picks");
	_cleanup_(answer_free) struct answer answer = {};
	char name[MUSTER_NAME_SIZE];
	int result;

	if (offline_asked(session))
		return offline_picks(session);
	if (client_call(session->socket, "/v1/status", NULL, &answer) < 0)
		return CLI_FAILED;
	result = names_service(answer.json, session->request.arguments[0].text, name, stderr);
	if (result)
		return result;
	return client_query(&path, "service", name) < 0 ? CLI_FAILED : show(session, path, render_picks);
}

int run_show_flows(struct session *session)
{
	_cleanup_(freep) char *path = strdup("/v1/flows");
	const char *server = cli_option(&session->request, "server")->text;
	int result = server ? query_server(session, &path, "server", server) : CLI_DONE;

	if (result)
		return result;
	if (client_query(&path, "client", cli_option(&session->request, "client")->text) < 0 ||
	    client_query(&path, "most", cli_option(&session->request, "most")->text) < 0)
		return CLI_FAILED;
	return show(session, path, render_flows);
}

/* For the completion: silent where no agent answers. */
int run_names(struct session *session)
{
	enum { SERVERS, SERVICES, QUALIFIED } what = cli_option(&session->request, "names")->number;
	_cleanup_(answer_free) struct answer answer = {};
	const json_t *service, *server;
	size_t i, k;

	if (client_try(session->socket, "/v1/status", NULL, &answer) < 0)
		return CLI_FAILED;
	json_array_foreach(json_object_get(answer.json, "services"), i, service)
	{
		if (what == SERVICES)
			fprintf(session->look.out, "%s\n", json_text(service, "name"));
		else
			json_array_foreach(json_object_get(service, "servers"), k, server) fprintf(
				session->look.out, "%s%s%s\n", what == QUALIFIED ? json_text(service, "name") : "",
				what == QUALIFIED ? "/" : "", json_text(server, "name"));
	}
	return CLI_DONE;
}
