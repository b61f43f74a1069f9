/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of the muster command, and the commands' functions, each of which returns an exit status. */
#ifndef MUSTER_CLI_H
#define MUSTER_CLI_H

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "parse.h"
#include "render.h"

struct session {
	struct cli_request request;
	const char *socket;
	bool json;
	struct look look; /* where and how output goes */
};

/* show.c */
int run_status(struct session *session);
int run_show_services(struct session *session);
int run_show_servers(struct session *session);
int run_show_server(struct session *session);
int run_show_flows(struct session *session);
int run_show_picks(struct session *session);
int run_show_verdicts(struct session *session);
int run_show_stats(struct session *session);
int run_names(struct session *session);
/* offline.c: the same without an agent, from the maps and the state folder. */
typedef void (*render_fn)(const struct look *look, const json_t *document);
bool offline_asked(const struct session *session);
/* status, show services, show servers: of the status document. */
int offline_status(struct session *session, render_fn render);
int offline_server(struct session *session);
int offline_picks(struct session *session);
int offline_leases(struct session *session);
/* Likewise, and the document itself, for what it says beside; freed by the caller. */
int offline_audit(struct session *session, json_t **document);
/* The document alone, with nothing shown; -errno with `why`. */
int offline_findings(struct session *session, json_t **document, char *why, size_t n);
int offline_return_server(struct session *session);
/* events.c */
int run_show_events(struct session *session);
int run_events(struct session *session);
/* alerts.c */
int run_alerts(struct session *session);
int run_ack(struct session *session);
int run_alert_test(struct session *session);
/* order.c */
int run_drain(struct session *session);
int run_maintenance(struct session *session);
int run_return(struct session *session);
int run_weight(struct session *session);
int run_add(struct session *session);
int run_remove(struct session *session);
int run_reload(struct session *session);
/* Sends a changing call and shows its answer. */
int change(struct session *session, const char *path, json_t *body);
struct answer;
/* The same; the answer is the caller's, with answer_free(). */
int change_answered(struct session *session, const char *path, json_t *body, struct answer *answer);
/* A new body with the server that was typed; NULL with *result set when it cannot be one. */
json_t *change_of_server(struct session *session, int *result);
/* Adds --for or --indefinitely, and --reason too. Exit statuses. */
int change_length(struct session *session, json_t *body);
int change_lease(struct session *session, json_t *body);
/* Adds --force and --dry-run, as the capacity gate takes them. */
void change_gate(struct session *session, json_t *body);
/* lease.c */
int run_lease_list(struct session *session);
int run_lease_extend(struct session *session);
int run_lease_release(struct session *session);
/* wait.c: shows a server's connections fall until none is open; `answer` is that of the order that holds it out. */
int wait_empty(struct session *session, const json_t *server, const json_t *answer);
/* Does the order that this answer is about still hold its servers out? An exit status; why not goes to standard error. */
int wait_holds(struct session *session, const json_t *answer);
/* recycle.c */
int run_recycle(struct session *session);
/* rehearse.c */
int run_rehearse(struct session *session);
/* plan.c */
int run_plan(struct session *session);
int run_apply(struct session *session);
int run_confirm(struct session *session);
int run_rollback(struct session *session);
/* attach.c */
int run_attach(struct session *session);
int run_detach(struct session *session);
int run_upgrade(struct session *session);
/* audit.c */
int run_audit(struct session *session);
int run_check(struct session *session);
/* postmortem.c */
int run_postmortem(struct session *session);
/* why.c */
int run_why(struct session *session);
/* object.c: the installed object, or the one beside this program. */
const char *cli_object(char buf[PATH_MAX]);
/* help.c, man.c, completion.c */
int run_help(struct session *session);
int run_version(struct session *session);
void help_overview(FILE *out);
void help_command(FILE *out, const struct cli_command *command);
/* "drain SERVER --reason TEXT [--for DURATION]" */
void help_synopsis(FILE *out, const struct cli_command *command);
void man_page(FILE *out);
void completion_script(FILE *out);

#endif
