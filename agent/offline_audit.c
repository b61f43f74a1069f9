// SPDX-License-Identifier: GPL-2.0-or-later
/* The audit of what a dead agent has left: declared against ordered, against the maps, against what the interfaces carry. */
#include <stdio.h>

#include "audit_picture.h"
#include "offline.h"
#include "report/audit.h"

static void see_interface(struct audit *audit, const struct offline *o, const struct interface_conf *conf)
{
	struct attach_report report;
	int error = attach_query(o->pins, conf->name, &report);

	if (error && report.program_id)
		audit_see(audit, AUDIT_FOREIGN, NULL, conf->name, "program id %u", report.program_id);
	else if (error || !report.program_id)
		audit_see(audit, AUDIT_BARE, NULL, conf->name, "%s", report.text);
	else if (!report.native && conf->mode != ATTACH_GENERIC)
		audit_see(audit, AUDIT_GENERIC, NULL, conf->name, "%s", report.text);
}

static int read_slots(struct offline *o, struct service *service)
{
	_cleanup_(freep) uint32_t *slots = NULL;
	uint32_t n_slots;
	int error = kernel_picks(o->kernel, service->run.index, &slots, &n_slots);

	if (error < 0)
		return error;
	audit_count_slots(o->model, service, slots, n_slots);
	return 0;
}

static void over(void *context, const struct audit_finding *finding)
{
	(void)context, (void)finding;
}

json_t *offline_audit_json(struct offline *o)
{
	const struct config *config = o->model->config;
	_cleanup_(audit_free) struct audit *audit = NULL;
	const struct audit_finding *findings;
	size_t n;

	if (audit_new(&audit) < 0)
		return NULL;
	for (size_t i = 0; i < o->model->n_services; i++) {
		struct service *service = &o->model->services[i];

		if (read_slots(o, service) < 0)
			return NULL;
		for (size_t k = 0; k < service->n_servers; k++)
			service->servers[k].run.share_pct = -1;
		service->run.share_flows = -1; /* nobody counts packets against turns */
	}
	/* It stands at least since an agent was last at work. */
	audit_begin(audit, o->clock.now_ms - MAX(o->quiet_ms, 0));
	audit_picture(audit, &(struct audit_sight){.model = o->model,
						   .state = o->state,
						   .clock = &o->clock,
						   .settled = true,
						   .unattended = !o->holder});
	for (size_t i = 0; i < config->n_interfaces; i++)
		see_interface(audit, o, &config->interfaces[i]);
	audit_end(audit, over, NULL);
	findings = audit_findings(audit, &n);
	return audit_json(&o->in, findings, n);
}
