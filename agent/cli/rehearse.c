// SPDX-License-Identifier: GPL-2.0-or-later
/* rehearse: the agent takes each server of a service out in turn; this only tells how it goes, and ends it when interrupted. */
#include "cli.h"

#include <signal.h>

#include "client.h"
#include "names.h"

#define POLL_US   500000
#define WOULD_NOT 1 /* exit status: without one of its servers the rest would not carry the peak, or nobody knows */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void say(const struct session *session, const char *whose, const char *text)
{
	fprintf(session->look.out, "%s: %s\n", whose, text);
	fflush(session->look.out);
}

static void show_turn(const struct session *session, const json_t *turn, double each_ms)
{
	const char *server = json_text(turn, "server"), *stand = json_text(turn, "stand");
	char text[64];

	if (!strcmp(stand, "out")) {
		snprintf(text, sizeof(text), "out, for %.0f s", each_ms / 1000);
		say(session, server, text);
	}
	if (json_known(turn, "answer"))
		say(session, server, json_text(turn, "text"));
	if (!strcmp(stand, "back"))
		say(session, server, "comes back, step by step");
}

/* What is new since the last look; `seen` is what that one had, and then this one's. */
static void show_news(const struct session *session, const json_t *document, json_t **seen)
{
	json_t *turns = json_object_get(document, "turns"), *turn;
	size_t i;

	json_array_foreach(turns, i, turn)
	{
		const json_t *before = json_array_get(*seen, i);
		const char *stand = json_text(turn, "stand");

		/* One that has come back was shown as it did. */
		if (strcmp(stand, json_text(before, "stand")) == 0 ||
		    (strcmp(stand, "done") == 0 && json_known(before, "answer")))
			continue;
		if (!session->json)
			show_turn(session, turn, json_figure(document, "each_ms"));
	}
	json_decref(*seen);
	*seen = json_incref(turns);
}

static int show_end(const struct session *session, const json_t *document)
{
	const char *service = json_text(document, "service"), *word = json_text(document, "answer");
	bool yes = !strcmp(word, "yes");

	if (json_is_true(json_object_get(document, "broken_off"))) {
		fprintf(stderr, "muster: the rehearsal of %s is broken off: %s\n", service, json_text(document, "why"));
		return CLI_REFUSED;
	}
	if (!session->json)
		say(session, service,
		    yes ? "whichever of its servers is missing, the rest would carry the peak"
		    : !strcmp(word, "no")
			    ? "without one of its servers the rest would not carry the peak"
			    : "of one of its servers it is not known whether the rest would carry the peak");
	return yes ? CLI_DONE : WOULD_NOT;
}

static void stop(struct session *session)
{
	_cleanup_(answer_free) struct answer answer = {};

	interrupted = 0;
	client_call(session->socket, "/v1/rehearse/stop", json_object(), &answer);
}

/* Is this document about the rehearsal that was begun, and not another agent's? */
static bool is_ours(const json_t *document, const json_t *begun)
{
	return json_figure(document, "id") == json_figure(begun, "id") &&
	       json_figure(document, "agent_ms") == json_figure(begun, "agent_ms");
}

static int gone(const char *what, int result)
{
	fprintf(stderr,
		"muster: %s, and with it the rehearsal; whoever is out returns at the end of its lease: muster lease "
		"list\n",
		what);
	return result;
}

static int follow(struct session *session, const json_t *begun)
{
	json_t *seen = NULL;
	int result = -1;

	for (; result < 0; usleep(result < 0 ? POLL_US : 0)) {
		_cleanup_(answer_free) struct answer answer = {};

		if (interrupted)
			stop(session);
		if (client_call(session->socket, "/v1/rehearsal", NULL, &answer) < 0) {
			result = gone("musterd is gone", CLI_FAILED);
		} else if (answer.status != 200 || !is_ours(answer.json, begun)) {
			result = gone("musterd was started anew", CLI_REFUSED);
		} else {
			show_news(session, answer.json, &seen);
			if (strcmp(json_text(answer.json, "phase"), "over") != 0)
				continue;
			if (session->json)
				fprintf(session->look.out, "%s\n", answer.text);
			result = show_end(session, answer.json);
		}
	}
	json_decref(seen);
	return result;
}

int run_rehearse(struct session *session)
{
	const struct cli_request *request = &session->request;
	_cleanup_(answer_free) struct answer status = {}, begun = {};
	char service[MUSTER_NAME_SIZE];
	int result;

	if (client_call(session->socket, "/v1/status", NULL, &status) < 0)
		return CLI_FAILED;
	result = names_service(status.json, request->arguments[0].text, service, stderr);
	if (result)
		return result;
	catch_signals();
	result = change_answered(
		session, "/v1/rehearse",
		json_pack("{s:s, s:I}", "service", service, "each_s", (json_int_t)cli_option(request, "each")->number),
		&begun);
	return result ? result : follow(session, begun.json);
}
