// SPDX-License-Identifier: GPL-2.0-or-later
/* Orders by their numbers. */
#include "cli.h"

#include "client.h"

int run_lease_list(struct session *session)
{
	_cleanup_(answer_free) struct answer answer = {};

	if (offline_asked(session))
		return offline_leases(session);
	if (client_call(session->socket, "/v1/leases", NULL, &answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text ? answer.text : "");
	else if (answer.status == 200)
		render_leases(&session->look, answer.json);
	else
		render_change(&session->look, stderr, answer.json);
	return answer.status == 200 ? CLI_DONE : client_exit(&answer);
}

static json_t *lease_body(struct session *session)
{
	json_t *body = json_pack("{s:I}", "lease", (json_int_t)session->request.arguments[0].number);

	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	return body;
}

int run_lease_extend(struct session *session)
{
	json_t *body = lease_body(session);
	int result = change_length(session, body);

	if (!result)
		return change(session, "/v1/lease/extend", body);
	json_decref(body);
	return result;
}

int run_lease_release(struct session *session)
{
	return change(session, "/v1/lease/release", lease_body(session));
}
