// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"

#include "../clock.h"
#include "client.h"

static int query(struct session *session, char **path, bool follow)
{
	if (client_query(path, "since", cli_option(&session->request, "since")->text) < 0 ||
	    client_query(path, "most", cli_option(&session->request, "most")->text) < 0 ||
	    client_query(path, "follow", follow ? "1" : NULL) < 0)
		return -ENOMEM;
	return 0;
}

static bool print_event(void *context, const char *line, size_t length)
{
	const struct session *session = context;
	json_t *event;

	if (session->json) {
		fprintf(session->look.out, "%.*s\n", (int)length, line);
	} else {
		event = json_loadb(line, length, 0, NULL);
		if (event)
			render_event(&session->look, event, clock_wall_ms());
		json_decref(event);
	}
	/* a closed pipe ends the command instead of leaving it to wait for the next event */
	return fflush(session->look.out) == 0;
}

int run_show_events(struct session *session)
{
	_cleanup_(freep) char *path = strdup("/v1/events");
	_cleanup_(answer_free) struct answer answer = {};

	if (query(session, &path, false) < 0 || client_call(session->socket, path, NULL, &answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text ? answer.text : "");
	else if (answer.status == 200)
		render_events(&session->look, answer.json);
	else
		render_change(&session->look, stderr, answer.json);
	return answer.status == 200 ? CLI_DONE : client_exit(&answer);
}

int run_events(struct session *session)
{
	_cleanup_(freep) char *path = strdup("/v1/events");

	if (!cli_option(&session->request, "follow")->given)
		return run_show_events(session);
	if (query(session, &path, true) < 0 || client_follow(session->socket, path, print_event, session) < 0)
		return CLI_FAILED;
	if (ferror(session->look.out))
		return CLI_DONE;
	fprintf(stderr, "muster: the agent ended the events: it stopped, or this reader was too slow\n");
	return CLI_FAILED;
}
