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
/* events.c */
int run_show_events(struct session *session);
int run_events(struct session *session);
/* order.c */
int run_drain(struct session *session);
int run_return(struct session *session);
int run_weight(struct session *session);
int run_add(struct session *session);
int run_remove(struct session *session);
int run_reload(struct session *session);
/* Sends a changing call and shows its answer. */
int change(struct session *session, const char *path, json_t *body);
/* attach.c */
int run_attach(struct session *session);
int run_detach(struct session *session);
int run_upgrade(struct session *session);
/* audit.c */
int run_audit(struct session *session);
int run_check(struct session *session);
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
