// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

#include <stdio.h>

#include "agent.h"
#include "audit_picture.h"
#include "audit_shares.h"

#define EDIT_TOLD_MS  60000
#define FIGHT_TOLD_MS (5 * 60000)

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
	const struct lease_clock clock = agent_clock(agent);
	struct audit *audit = agent->auditor.audit;
	struct audit_finding *findings;
	size_t n;

	audit_begin(audit, now_ms);
	for (size_t i = 0; i < agent->model->n_services; i++)
		audit_shares_read(agent, &agent->model->services[i]);
	audit_picture(audit, &(struct audit_sight){.model = agent->model,
						   .state = agent->state,
						   .clock = &clock,
						   .settled = agent->begun,
						   .checked = agent->begun});
	audit_shares(agent, now_ms);
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
