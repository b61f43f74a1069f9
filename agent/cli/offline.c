// SPDX-License-Identifier: GPL-2.0-or-later
/* --offline: what is shown, and put back, when no agent answers. */
#include "../offline.h"

#include "../report/api_socket.h"
#include "cli.h"
#include "client.h"
#include "human.h"
#include "names.h"

#define FILE_USUAL MUSTER_SYSCONFDIR "/muster/musterd.yaml"

bool offline_asked(const struct session *session)
{
	return session->request.command && cli_option(&session->request, "offline")->given;
}

/* -errno with `why`. */
static int look(struct session *session, bool lock, struct offline **out, char *why, size_t n)
{
	const struct cli_request *request = &session->request;

	if (geteuid() != 0) {
		snprintf(why, n, "the maps are root's: use sudo");
		return -EPERM;
	}
	return offline_open(out, FILE_USUAL, cli_option(request, "state")->text, cli_option(request, "pins")->text,
			    lock, why, n);
}

/* Said on standard error why not. */
static int open_offline(struct session *session, bool lock, struct offline **out)
{
	char why[512];

	if (look(session, lock, out, why, sizeof(why)) == 0)
		return CLI_DONE;
	fprintf(stderr, "muster: %s\n", why);
	return CLI_FAILED;
}

/*
 * Borrows the document; NULL: `what` could not be read. As JSON it says by itself that it is nobody's; else a
 * sentence stands above it.
 */
static int say(struct session *session, const struct offline *o, const char *what, json_t *document, render_fn render)
{
	char text[sizeof(o->text) + 4];

	if (!document) {
		fprintf(stderr, "muster: reading %s from the maps in %s failed\n", what, o->pins);
		return CLI_FAILED;
	}
	if (session->json) {
		json_object_set_new(document, "offline",
				    json_pack("{s:s, s:o, s:o}", "text", o->text, "musterd_pid",
					      o->holder ? json_integer(o->holder) : json_null(), "quiet_ms",
					      o->quiet_ms < 0 ? json_null() : json_integer(o->quiet_ms)));
		json_dumpf(document, session->look.out, JSON_COMPACT | JSON_PRESERVE_ORDER);
		fputc('\n', session->look.out);
	} else {
		snprintf(text, sizeof(text), "%c%s.", o->holder ? o->text[0] : 'N', o->text + 1);
		human_wrap(session->look.out, session->look.width, 0, 0, text);
		fputc('\n', session->look.out);
		render(&session->look, document);
	}
	return CLI_DONE;
}

/* Takes the document's reference. */
static int show(struct session *session, const struct offline *o, const char *what, json_t *document, render_fn render)
{
	int result = say(session, o, what, document, render);

	json_decref(document);
	return result;
}

int offline_status(struct session *session, render_fn render)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	int result = open_offline(session, false, &o);

	return result ? result : show(session, o, "the services", offline_status_json(o), render);
}

/* What was typed as names. */
static int name_server(struct session *session, const struct offline *o, struct server_name *out)
{
	json_t *status = status_json(&o->in);
	int result = names_server(status, session->request.arguments[0].text, out, stderr);

	json_decref(status);
	return result;
}

int offline_server(struct session *session)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	struct server_name name;
	int result = open_offline(session, false, &o);

	if (!result)
		result = name_server(session, o, &name);
	return result ? result
		      : show(session, o, name.server,
			     offline_server_json(o, *name.service ? name.service : NULL, name.server), render_server);
}

int offline_picks(struct session *session)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	char name[MUSTER_NAME_SIZE], what[MUSTER_NAME_SIZE + 16];
	int result = open_offline(session, false, &o);
	json_t *status;

	if (result)
		return result;
	status = status_json(&o->in);
	result = names_service(status, session->request.arguments[0].text, name, stderr);
	json_decref(status);
	if (result)
		return result;
	snprintf(what, sizeof(what), "the picks of %s", name);
	return show(session, o, what, offline_picks_json(o, name), render_picks);
}

int offline_leases(struct session *session)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	int result = open_offline(session, false, &o);

	return result ? result : show(session, o, "the orders", offline_leases_json(o), render_leases);
}

int offline_audit(struct session *session, json_t **document)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	int result = open_offline(session, false, &o);

	if (result)
		return result;
	*document = offline_audit_json(o);
	return say(session, o, "the picks", *document, render_audit);
}

int offline_findings(struct session *session, json_t **document, char *why, size_t n)
{
	_cleanup_(offline_close) struct offline *o = NULL;
	int error = look(session, false, &o, why, n);

	if (error)
		return error;
	*document = offline_audit_json(o);
	if (*document)
		return 0;
	snprintf(why, n, "reading the picks from the maps in %s failed", o->pins);
	return -EIO;
}

int offline_return_server(struct session *session)
{
	_cleanup_(answer_free) struct answer document = {};
	_cleanup_(offline_close) struct offline *o = NULL;
	struct server_name name;
	struct order_answer answer;
	struct api_peer self;
	int result = open_offline(session, true, &o);

	if (!result)
		result = name_server(session, o, &name);
	if (result)
		return result;
	api_socket_self(&self);
	api_peer_name(self.owner, self.name, sizeof(self.name));
	offline_return(o,
		       &(struct order_request){.server = name.server,
					       .service = name.service,
					       .owner = self.name,
					       .owner_uid = self.owner,
					       .force = cli_option(&session->request, "force")->given},
		       &answer);
	document.json = orders_answer_json(&answer);
	if (session->json) {
		json_dumpf(document.json, session->look.out, JSON_COMPACT | JSON_PRESERVE_ORDER);
		fputc('\n', session->look.out);
	} else {
		render_change(&session->look, stderr, document.json);
	}
	return client_exit(&document);
}
