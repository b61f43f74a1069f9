// SPDX-License-Identifier: GPL-2.0-or-later
/* audit: what is not as it should be. check: the same as a monitoring plugin's one line. */
#include "cli.h"

#include <stdio.h>

#include "../kernel/look.h"
#include "client.h"
#include "human.h"

/* A monitoring plugin's exit statuses (Monitoring Plugins Development Guidelines). */
enum check_status { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static const char *const check_word[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* Is a server of the list serving with all its weight, in every service that declares it? A sentence in `why` if not. */
static bool serves(const json_t *audit, const char *name, char *why, size_t n)
{
	const json_t *server;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(audit, "servers"), i, server)
	{
		char full[2 * MUSTER_NAME_SIZE];

		snprintf(full, sizeof(full), "%s/%s", json_text(server, "service"), json_text(server, "name"));
		if (strcmp(json_text(server, "name"), name) != 0 && strcmp(full, name) != 0)
			continue;
		any = true;
		if (json_is_true(json_object_get(server, "healthy")) &&
		    json_figure(server, "effective") >= json_figure(server, "declared") &&
		    json_figure(server, "slots") > 0)
			continue;
		snprintf(why, n, "%s: %s, weight %g of %g, %.0f of %.0f slots", full,
			 json_is_true(json_object_get(server, "healthy")) ? "healthy" : "not healthy",
			 json_figure(server, "effective"), json_figure(server, "declared"),
			 json_figure(server, "slots"), json_figure(server, "of_slots"));
		return false;
	}
	if (!any)
		snprintf(why, n, "%s: no service declares it", name);
	return any;
}

/* --expect A,B: the first that does not serve is told in `why`. */
static bool all_serve(const json_t *audit, const char *expected, char *why, size_t n)
{
	_cleanup_(freep) char *names = strdup(expected ? expected : "");
	char *rest = names, *name;

	while (names && (name = strsep(&rest, ",")))
		if (*name && !serves(audit, name, why, n))
			return false;
	return names != NULL;
}

/* The agent's audit, shown; CLI_DONE, or what the command ends with. */
static int ask_audit(struct session *session, struct answer *answer)
{
	if (client_call(session->socket, "/v1/audit", NULL, answer) < 0)
		return CLI_FAILED;
	if (answer->status != 200 || !answer->json)
		return client_exit(answer);
	if (session->json)
		fprintf(session->look.out, "%s\n", answer->text);
	else
		render_audit(&session->look, answer->json);
	return CLI_DONE;
}

int run_audit(struct session *session)
{
	const char *expected = cli_option(&session->request, "expect")->text;
	_cleanup_(answer_free) struct answer answer = {};
	char why[256];
	int result = offline_asked(session) ? offline_audit(session, &answer.json) : ask_audit(session, &answer);

	if (result)
		return result;
	if (!all_serve(answer.json, expected, why, sizeof(why))) {
		fprintf(stderr, "muster: not as expected: %s\n", why);
		return CLI_REFUSED;
	}
	if (expected)
		return CLI_DONE;
	return strcmp(json_text(answer.json, "worst"), "critical") == 0 ? CLI_REFUSED : CLI_DONE;
}

/* Of the findings as severe as the worst: how many, and the first. `next`: what to type; NULL: what the finding says. */
static void first_finding(const json_t *audit, const char *severity, const char *next, char *text, size_t n)
{
	const json_t *finding, *first = NULL;
	unsigned more = 0;
	size_t i;

	json_array_foreach(json_object_get(audit, "findings"), i, finding)
	{
		if (strcmp(json_text(finding, "severity"), severity) != 0)
			continue;
		if (first)
			more++;
		else
			first = finding;
	}
	if (!first)
		return;
	snprintf(text, n, "%s%s%s: %s (%s); next: %s", json_text(first, "service"),
		 json_known(first, "service") && json_known(first, "server") ? "/" : "", json_text(first, "server"),
		 json_text(first, "meaning"), json_text(first, "text"), next ? next : json_text(first, "next"));
	if (more)
		snprintf(text + strlen(text), n - strlen(text), "; and %u more", more);
}

static void perfdata(const json_t *audit)
{
	const json_t *server;
	size_t i, serving = 0, n = json_array_size(json_object_get(audit, "servers"));

	json_array_foreach(json_object_get(audit, "servers"), i, server) serving += json_figure(server, "slots") > 0;
	printf(" | serving=%zu;;;0;%zu", serving, n);
	json_array_foreach(json_object_get(audit, "servers"), i, server)
	{
		if (json_known(server, "share_pct"))
			printf(" '%s/%s share'=%.1f%%;;;0;100", json_text(server, "service"), json_text(server, "name"),
			       json_figure(server, "share_pct"));
		printf(" '%s/%s flows'=%.0f;;;0", json_text(server, "service"), json_text(server, "name"),
		       json_figure(server, "live_flows"));
	}
}

/* Nothing but the maps is left to be read, for want of the state folder that `unknown` is about. */
static void check_maps(const struct session *session, const char *unknown)
{
	const char *pins = cli_option(&session->request, "pins")->text;
	struct kernel_snapshot *snapshot = NULL;
	char why[512];
	int r = kernel_look(pins ? pins : CLI_PINS, &snapshot, why, sizeof(why));

	if (r < 0)
		printf("whether packets are balanced is not known: %s\n", *why ? why : strerror(-r));
	else
		printf("the maps go on with %zu servers of %zu services; what is out, and until when, is not known: "
		       "%s; "
		       "next: systemctl start musterd | services=%zu servers=%zu\n",
		       snapshot->n_servers, snapshot->n_services, unknown, snapshot->n_services, snapshot->n_servers);
	kernel_snapshot_free(&snapshot);
}

/*
 * No agent: forwarding goes on, but nobody looks after the servers, nor ends an order whose time is over: what the maps and
 * the state file say is audited here.
 */
static int check_without_agent(struct session *session)
{
	const char *expected = cli_option(&session->request, "expect")->text, *worst;
	_cleanup_(answer_free) struct answer found = {};
	char text[1024], why[512];

	printf("MUSTER CRITICAL - no musterd answers on %s, so nobody checks the servers; ", session->socket);
	if (offline_findings(session, &found.json, why, sizeof(why)) < 0) {
		check_maps(session, why);
		return CHECK_CRITICAL;
	}
	worst = json_text(found.json, "worst");
	snprintf(text, sizeof(text), "every server serves as declared; next: systemctl start musterd");
	first_finding(found.json, *worst ? worst : "notice", "systemctl start musterd", text, sizeof(text));
	if (strcmp(worst, "critical") != 0)
		all_serve(found.json, expected, text, sizeof(text));
	printf("%s", text);
	perfdata(found.json);
	printf("\n");
	return CHECK_CRITICAL;
}

int run_check(struct session *session)
{
	const char *expected = cli_option(&session->request, "expect")->text, *worst;
	_cleanup_(answer_free) struct answer answer = {};
	enum check_status status = CHECK_OK;
	char text[1024] = "every server serves as declared";

	if (client_try(session->socket, "/v1/audit", NULL, &answer) < 0)
		return check_without_agent(session);
	if (answer.status != 200 || !answer.json) {
		printf("MUSTER UNKNOWN - musterd's answer (HTTP %ld) cannot be read\n", answer.status);
		return CHECK_UNKNOWN;
	}
	worst = json_text(answer.json, "worst");
	if (!strcmp(worst, "critical"))
		status = CHECK_CRITICAL;
	else if (!strcmp(worst, "warning"))
		status = CHECK_WARNING;
	first_finding(answer.json, *worst ? worst : "notice", NULL, text, sizeof(text));
	if (status != CHECK_CRITICAL && !all_serve(answer.json, expected, text, sizeof(text)))
		status = CHECK_CRITICAL;
	printf("MUSTER %s - %s", check_word[status], text);
	perfdata(answer.json);
	printf("\n");
	return status;
}
