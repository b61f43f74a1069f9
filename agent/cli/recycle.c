// SPDX-License-Identifier: GPL-2.0-or-later
/* The post-mortems' remedy as one command: drain, restart, return. The lease is what brings the server back if this stops. */
#include "cli.h"

#include <sys/wait.h>

#include "../clock.h"
#include "client.h"

#define POLL_US 500000

/* Runs the operator's command. 0, or an exit status with a sentence. */
static int run_hook(const char *hook, const json_t *server)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		setenv("MUSTER_SERVER", json_text(server, "server"), 1);
		setenv("MUSTER_SERVICE", json_text(server, "service"), 1);
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", hook, NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return CLI_DONE;
	if (child > 0 && WIFEXITED(status))
		fprintf(stderr, "muster: the command ended with status %d; ", WEXITSTATUS(status));
	else
		fprintf(stderr, "muster: the command could not be run, or was killed; ");
	fprintf(stderr, "%s stays in maintenance until its lease ends, or: muster return %s\n",
		json_text(server, "server"), json_text(server, "server"));
	return CLI_FAILED;
}

/* Whether what is known of a server is younger than `since_ms`, and good. */
static bool is_well(const json_t *server, int64_t since_ms)
{
	const json_t *health = json_object_get(server, "health"), *memory = json_object_get(server, "memory");
	bool checked = strcmp(json_text(health, "check"), "none") != 0;
	bool read = strcmp(json_text(memory, "source"), "none") != 0;

	if (strcmp(json_text(health, "state"), "up") != 0)
		return false;
	if (checked && (!json_known(health, "checked_age_ms") || json_figure(health, "checked_age_ms") >= since_ms))
		return false;
	return !read || (strcmp(json_text(memory, "level"), "good") == 0 && json_figure(memory, "age_ms") < since_ms);
}

/* Until a check and a reading of memory that began after `from_ms` are good, in every service that has the server. */
static int wait_well(struct session *session, const json_t *server, const json_t *order, int64_t from_ms)
{
	_cleanup_(freep) char *path = strdup("/v1/server");
	const char *service = json_text(server, "service");

	if (client_query(&path, "name", json_text(server, "server")) < 0 ||
	    client_query(&path, "service", *service ? service : NULL) < 0)
		return CLI_FAILED;
	for (;; usleep(POLL_US)) {
		_cleanup_(answer_free) struct answer answer = {};
		const json_t *one;
		bool well = true;
		size_t i;
		int result = wait_holds(session, order);

		if (result)
			return result;
		if (client_call(session->socket, path, NULL, &answer) < 0)
			return CLI_FAILED;
		if (answer.status != 200)
			return client_exit(&answer);
		json_array_foreach(json_object_get(answer.json, "servers"), i, one) well &=
			is_well(one, clock_now_ms() - from_ms);
		if (well)
			return CLI_DONE;
	}
}

static void say(const struct session *session, const json_t *server, const char *text)
{
	if (session->json)
		return;
	fprintf(session->look.out, "%s: %s\n", json_text(server, "server"), text);
	fflush(session->look.out);
}

/* From the moment that nothing is open any more to the server's return. */
static int restart(struct session *session, json_t *server)
{
	const char *hook = cli_option(&session->request, "exec")->text;
	_cleanup_(answer_free) struct answer order = {};
	int64_t from_ms;
	int result;

	result = change_answered(session, "/v1/maintenance", json_deep_copy(server), &order);
	if (!result && hook)
		say(session, server, "the command runs");
	from_ms = clock_now_ms();
	if (!result && hook)
		result = run_hook(hook, server);
	if (hook)
		from_ms = clock_now_ms();
	if (!result)
		say(session, server,
		    hook ? "waits for a good check, and memory above its soft mark"
			 : "restart now what runs there; waits for a good check, and memory above its soft mark");
	return result ? result : wait_well(session, server, order.json, from_ms);
}

static json_t *only_names(const json_t *body)
{
	json_t *names = json_pack("{s:O}", "server", json_object_get(body, "server"));

	if (json_object_get(body, "service"))
		json_object_set(names, "service", json_object_get(body, "service"));
	return names;
}

int run_recycle(struct session *session)
{
	_cleanup_(answer_free) struct answer drain = {};
	int result;
	json_t *body = change_of_server(session, &result), *drained;

	if (!body)
		return result;
	result = change_lease(session, body);
	drained = json_deep_copy(body);
	json_object_set_new(drained, "alone", json_true());
	if (!result)
		result = change_answered(session, "/v1/drain", json_incref(drained), &drain);
	if (!result)
		result = wait_empty(session, body, drain.json);
	if (!result)
		result = restart(session, body);
	if (!result)
		result = change(session, "/v1/return", only_names(body));
	json_decref(drained);
	json_decref(body);
	return result;
}
