// SPDX-License-Identifier: GPL-2.0-or-later
/* Configurations: what one would change, and to put one in force, on trial or for good. */
#include <fcntl.h>

#include "../change/compare.h"
#include "../report/file_io.h"
#include "cli.h"
#include "client.h"

#define FILE_MOST (1 << 20)

static char *read_text(const char *file)
{
	_cleanup_(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	int error = fd < 0 ? -errno : file_read(fd, FILE_MOST + 1, 0, &text, &length);

	if (!error && length > FILE_MOST)
		error = -EFBIG;
	if (!error)
		return TAKE_PTR(text);
	fprintf(stderr, "muster: reading %s failed: %s\n", file, strerror(-error));
	return NULL;
}

/* A new body with the file's text and its whole name, under which others can find it; NULL: it is said why not. */
static json_t *file_body(const char *file)
{
	_cleanup_(freep) char *text = read_text(file), *path = realpath(file, NULL);
	json_t *body = text ? json_pack("{s:s, s:s}", "text", text, "file", path ? path : file) : NULL;

	if (text && !body)
		fprintf(stderr, "muster: %s is not valid UTF-8\n", file);
	return body;
}

static int plan_offline(struct session *session, const char *file)
{
	_cleanup_(config_free) struct config *config = NULL;
	json_t *document;
	size_t single;

	if (config_load(file, stderr, &config) < 0)
		return CLI_USAGE;
	document = json_pack("{s:i, s:o}", "schema", 1, "services", compare_json(NULL, config, &single));
	json_object_set_new(document, "single", json_integer((json_int_t)single));
	json_object_set_new(document, "result", json_string(single ? "refused" : "done"));
	if (session->json)
		json_dumpf(document, session->look.out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	else
		render_plan(&session->look, document);
	if (session->json)
		fputc('\n', session->look.out);
	json_decref(document);
	return single ? CLI_REFUSED : CLI_DONE;
}

int run_plan(struct session *session)
{
	_cleanup_(answer_free) struct answer answer = {};
	const char *file = session->request.arguments[0].text;
	json_t *body;

	if (cli_option(&session->request, "offline")->given)
		return plan_offline(session, file);
	body = file_body(file);
	if (!body)
		return CLI_USAGE;
	if (client_call(session->socket, "/v1/plan", body, &answer) < 0)
		return CLI_FAILED;
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text ? answer.text : "");
	else if (json_known(answer.json, "services"))
		render_plan(&session->look, answer.json);
	else
		render_change(&session->look, stderr, answer.json);
	return client_exit(&answer);
}

int run_apply(struct session *session)
{
	const struct cli_value *within = cli_option(&session->request, "confirm-within");
	json_t *body = file_body(session->request.arguments[0].text);

	if (!body)
		return CLI_USAGE;
	if (within->given)
		json_object_set_new(body, "confirm_within_s", json_integer(within->number));
	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	return change(session, "/v1/apply", body);
}

int run_confirm(struct session *session)
{
	return change(session, "/v1/confirm", json_object());
}

int run_rollback(struct session *session)
{
	json_t *body = json_object();

	if (cli_option(&session->request, "force")->given)
		json_object_set_new(body, "force", json_true());
	return change(session, "/v1/rollback", body);
}
