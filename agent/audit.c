// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

#include <stdio.h>

#include "agent.h"
#include "audit_shares.h"
#include "orders/book.h"

#define EDIT_TOLD_MS  60000
#define FIGHT_TOLD_MS (5 * 60000)
#define STALE_CHECKS  3    /* intervals without a result */
#define STALE_MORE_MS 2000 /* and this: one busy moment of the agent is no finding */

/* What the journal says already in other lines, or is no fault. */
static bool journalled(enum audit_kind kind)
{
	return audit_severity(kind) != AUDIT_NOTICE && kind != AUDIT_DOWN && kind != AUDIT_OPENED &&
	       kind != AUDIT_REMOVED;
}

static void note(struct agent *agent, const struct audit_finding *finding, const char *from, const char *to)
{
	char cause[AUDIT_TEXT + 160];

	snprintf(cause, sizeof(cause), "%s (%s)", audit_meaning(finding->kind), finding->text);
	if (journalled(finding->kind))
		agent_note(agent, &(struct journal_entry){.kind = JOURNAL_AUDIT,
							  .service = finding->service,
							  .server = finding->server,
							  .from = from,
							  .to = to,
							  .cause = cause});
}

static void over(void *context, const struct audit_finding *finding)
{
	note(context, finding, audit_kind_name(finding->kind), "good");
}

static const struct order *order_of(const struct agent *agent, const struct server *server)
{
	return lease_acting(agent->state->orders, agent->state->n_orders, server->service->conf->name,
			    server->conf->name);
}

static const char *order_text(const struct agent *agent, const struct order *order, char *buf, size_t n)
{
	const struct lease_clock clock = agent_clock(agent);
	int64_t left_s = lease_left_ms(order, &clock, agent->state->wall_saved_ms) / 1000;
	char what[32];

	if (order->kind == ORDER_WEIGHT)
		snprintf(what, sizeof(what), "weight %u", order->weight);
	else
		snprintf(what, sizeof(what), "%s", book_kind(order));
	if (order->overdue || left_s <= 0)
		snprintf(buf, n, "%s by %s, over since %lld s: %.100s", what, order->owner, (long long)-left_s,
			 order->reason);
	else if (lease_endless(order))
		snprintf(buf, n, "%s by %s, without end: %.100s", what, order->owner, order->reason);
	else
		snprintf(buf, n, "%s by %s, for %lld s more: %.100s", what, order->owner, (long long)left_s,
			 order->reason);
	return buf;
}

static bool unchecked(const struct agent *agent, const struct server *server, int64_t now_ms)
{
	const struct check_conf *check = &server->service->conf->check;
	const struct health *health = &server->run.health;

	return agent->begun && check->type != CHECK_NONE && health->checked_ms &&
	       now_ms - health->checked_ms >
		       STALE_CHECKS * (int64_t)check->interval_ms + check->timeout_ms + STALE_MORE_MS;
}

static void see_server(const struct agent *agent, const struct server *server, int64_t now_ms, struct audit_server *out,
		       char text[AUDIT_TEXT])
{
	const struct order *order = order_of(agent, server);

	*out = (struct audit_server){
		.name = server->conf->name,
		.declared = server->conf->weight * 100,
		.effective = server->run.pool.effective,
		.healthy = server->run.health.state == HEALTH_UP,
		.observed = pool_cause_observed(server->run.pool.cause),
		.cause = pool_cause_text(server->run.pool.cause),
		.ordered = order != NULL,
		.overdue = order && order->overdue,
		.order = order ? order_text(agent, order, text, AUDIT_TEXT) : NULL,
		.slots = server->run.slots,
		.unchecked = unchecked(agent, server, now_ms),
		.added = server->conf->line == 0,
	};
}

static void see_service(struct agent *agent, struct service *service, int64_t now_ms)
{
	_cleanup_(freep) struct audit_server *servers = calloc(service->n_servers + 1, sizeof(*servers));
	_cleanup_(freep) char(*texts)[AUDIT_TEXT] = calloc(service->n_servers + 1, sizeof(*texts));
	struct audit_service seen = {
		.name = service->conf->name,
		.servers = servers,
		.n_servers = service->n_servers,
		.n_slots = service->run.n_slots,
		.stray_slots = service->run.stray_slots,
		.fail_open = service->run.pool.fail_open,
		.settled = agent->begun && service->run.n_slots_known,
	};

	if (!servers || !texts)
		return;
	for (size_t i = 0; i < service->n_servers; i++)
		see_server(agent, &service->servers[i], now_ms, &servers[i], texts[i]);
	audit_see_service(agent->auditor.audit, &seen);
}

/* Servers that a command took out: the incident's first step. */
static void see_removed(struct agent *agent)
{
	for (size_t i = 0; i < agent->state->n_overlays; i++) {
		const struct overlay *overlay = &agent->state->overlays[i];

		if (overlay->remove && !model_server(agent->model, overlay->service, overlay->server))
			audit_see(agent->auditor.audit, AUDIT_REMOVED, overlay->service, overlay->server, "by %s",
				  overlay->owner);
	}
}

static void see_interface(struct agent *agent, const char *name, const struct attach_report *reports, size_t n)
{
	struct audit *audit = agent->auditor.audit;
	uint32_t other;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(reports[i].ifname, name))
			continue;
		if (!reports[i].native && reports[i].wanted != ATTACH_GENERIC)
			audit_see(audit, AUDIT_GENERIC, NULL, name, "%s",
				  reports[i].text[0] ? reports[i].text : "its driver has no native XDP");
		return;
	}
	other = kernel_other_program(agent->kernel, name);
	if (other)
		audit_see(audit, AUDIT_FOREIGN, NULL, name, "program id %u", other);
	else
		audit_see(audit, AUDIT_BARE, NULL, name, "no XDP program");
}

static void see_interfaces(struct agent *agent)
{
	const struct config *config = agent->model->config;
	struct attach_report reports[INTERFACES_MOST];
	size_t n = MIN(kernel_interfaces(agent->kernel, reports, INTERFACES_MOST), (size_t)INTERFACES_MOST);

	for (size_t i = 0; agent->begun && i < config->n_interfaces; i++)
		see_interface(agent, config->interfaces[i].name, reports, n);
}

static enum audit_kind edit_kind(const struct agent *agent, const struct kernel_edit *edit)
{
	if (!edit->left_alone)
		return AUDIT_EDITED;
	return agent->model->config->protections ? AUDIT_FOUGHT : AUDIT_LEFT;
}

/* Whoever turned them off may have gone home. */
static void see_protections(struct agent *agent)
{
	if (!agent->model->config->protections)
		audit_see(agent->auditor.audit, AUDIT_UNPROTECTED, NULL, NULL, "%s", agent->model->config->file);
}

static void see_edits(struct agent *agent, int64_t now_ms)
{
	static const char *const what[] = {
		[EDIT_SERVER] = "muster_servers", [EDIT_SERVICE] = "muster_services", [EDIT_PICKS] = "muster_picks",
		[EDIT_ADDRESSES] = "muster_vips", [EDIT_CONFIG] = "muster_config",
	};

	for (size_t i = 0; i < AUDIT_EDITS; i++) {
		const struct audit_edit *row = &agent->auditor.edit[i];
		const struct kernel_edit *edit = &row->edit;
		const struct server *server = NULL;
		const struct service *service = NULL;

		if (now_ms >= row->until_ms)
			continue;
		if (edit->kind == EDIT_SERVER)
			server = model_server_by_index(agent->model, edit->index);
		service = server ? server->service : NULL;
		for (size_t k = 0; k < agent->model->n_services && !service; k++)
			if ((edit->kind == EDIT_SERVICE || edit->kind == EDIT_PICKS) &&
			    agent->model->services[k].run.index == edit->index)
				service = &agent->model->services[k];
		audit_see(agent->auditor.audit, edit_kind(agent, edit), service ? service->conf->name : NULL,
			  server ? server->conf->name : NULL, "map %s, key %u%s", what[edit->kind], edit->index,
			  edit->takes_out ? ": a server was taken out" : "");
	}
}

void audit_synced(struct agent *agent, const struct sync_report *report, int64_t now_ms)
{
	for (size_t i = 0; i < report->n_edits; i++) {
		const struct kernel_edit *edit = &report->edit[i];
		struct audit_edit *row = &agent->auditor.edit[0];

		/* The same field's row, else the one that is over the soonest. */
		for (size_t k = 0; k < AUDIT_EDITS; k++) {
			struct audit_edit *other = &agent->auditor.edit[k];

			if (other->edit.kind == edit->kind && other->edit.index == edit->index) {
				row = other;
				break;
			}
			if (other->until_ms < row->until_ms)
				row = other;
		}
		*row = (struct audit_edit){*edit, now_ms + (edit->left_alone ? FIGHT_TOLD_MS : EDIT_TOLD_MS)};
	}
}

void audit_second(struct agent *agent, int64_t now_ms)
{
	struct audit *audit = agent->auditor.audit;
	struct audit_finding *findings;
	size_t n;

	audit_begin(audit, now_ms);
	for (size_t i = 0; i < agent->model->n_services; i++) {
		audit_shares_read(agent, &agent->model->services[i]);
		see_service(agent, &agent->model->services[i], now_ms);
	}
	audit_shares(agent, now_ms);
	see_removed(agent);
	see_protections(agent);
	see_interfaces(agent);
	see_edits(agent, now_ms);
	audit_end(audit, over, agent);
	findings = audit_findings(audit, &n);
	for (size_t i = 0; i < n; i++) {
		if (!findings[i].told)
			note(agent, &findings[i], "good", audit_kind_name(findings[i].kind));
		findings[i].told = true;
	}
}
