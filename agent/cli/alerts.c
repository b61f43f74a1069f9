// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands about alerts. */
#include "cli.h"

#include "client.h"

int run_alerts(struct session *session)
{
	_cleanup_(answer_free) struct answer answer = {};

	if (client_call(session->socket, "/v1/alerts", NULL, &answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text ? answer.text : "");
	else if (answer.status == 200)
		render_alerts(&session->look, answer.json);
	else
		render_change(&session->look, stderr, answer.json);
	return answer.status == 200 ? CLI_DONE : client_exit(&answer);
}

int run_ack(struct session *session)
{
	return change(session, "/v1/ack",
		      json_pack("{s:I, s:I}", "alert", (json_int_t)session->request.arguments[0].number, "for_s",
				(json_int_t)cli_option(&session->request, "for")->number));
}

int run_alert_test(struct session *session)
{
	const char *name = session->request.arguments[0].text;
	json_t *body = json_pack("{s:s}", "receiver", name);

	if (body)
		return change(session, "/v1/alert/test", body);
	fprintf(stderr, "muster: the name '%s' is not valid UTF-8; see: muster alerts\n", name);
	return CLI_USAGE;
}
