// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

static json_t *name_or_null(const char *name)
{
	return name[0] ? json_string(name) : json_null();
}

static json_t *finding_json(const struct status_input *in, const struct audit_finding *finding)
{
	const int64_t age_ms = MAX(in->clock->now_ms - finding->since_ms, 0);
	char next[160];

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:I}", "kind", audit_kind_name(finding->kind),
			 "severity", audit_severity_name(audit_severity(finding->kind)), "service",
			 name_or_null(finding->service), "server", name_or_null(finding->server), "text",
			 status_text(finding->text), "meaning", audit_meaning(finding->kind), "next",
			 audit_next(finding, next, sizeof(next)), "since_ms", (json_int_t)(in->clock->wall_ms - age_ms),
			 "age_ms", (json_int_t)age_ms);
}

static json_t *server_json(const struct status_input *in, const struct service *service, const struct server *server)
{
	const struct server_run *run = &server->run;
	json_t *json = json_pack("{s:s, s:s, s:b, s:f, s:f, s:I, s:I}", "service", service->conf->name, "name",
				 server->conf->name, "healthy", run->health.state == HEALTH_UP, "declared",
				 (double)server->conf->weight, "effective", run->pool.effective / 100.0, "slots",
				 (json_int_t)run->slots, "of_slots", (json_int_t)service->run.n_slots);

	json_object_set_new(json, "share_pct", run->share_pct < 0 ? json_null() : json_real(run->share_pct));
	json_object_set_new(json, "packets_pct", run->packets_pct < 0 ? json_null() : json_real(run->packets_pct));
	json_object_set_new(json, "bytes_pct", run->bytes_pct < 0 ? json_null() : json_real(run->bytes_pct));
	json_object_set_new(json, "live_flows", status_live_json(status_live(in, server)));
	return json;
}

static int carried(char *text, size_t n, const struct service *service, const char *what,
		   double (*pct)(const struct server_run *))
{
	int used = snprintf(text, n, "; of the %s", what);

	for (size_t i = 0; i < service->n_servers && (size_t)used < n; i++)
		used += snprintf(text + used, n - (size_t)used, "%s %s %.0f %%", i ? "," : "",
				 service->servers[i].conf->name, pct(&service->servers[i].run));
	return MIN(used, (int)n - 1);
}

static double packets_pct(const struct server_run *run)
{
	return run->packets_pct;
}

static double bytes_pct(const struct server_run *run)
{
	return run->bytes_pct;
}

/* Turns that are too few to be judged: what the live flows carry is told beside; NULL: they are enough, or nobody counts. */
static json_t *unknown_json(const struct service *service)
{
	const int64_t flows = service->run.share_flows;
	char text[512];
	int used;

	if (service->conf->scheduler != MUSTER_SCHEDULER_ROUND_ROBIN || flows < 0 || flows >= IMBALANCE_FLOWS_LEAST ||
	    !service->n_servers)
		return NULL;
	used = snprintf(text, sizeof(text), "unknown, %d of %d new connections in half a minute", (int)flows,
			IMBALANCE_FLOWS_LEAST);
	if (service->servers[0].run.packets_pct >= 0) {
		used += carried(text + used, sizeof(text) - (size_t)used, service, "packets", packets_pct);
		carried(text + used, sizeof(text) - (size_t)used, service, "bytes", bytes_pct);
	}
	return json_pack("{s:s, s:I, s:i, s:o}", "service", service->conf->name, "new_flows", (json_int_t)flows, "of",
			 IMBALANCE_FLOWS_LEAST, "text", status_text(text));
}

json_t *audit_json(const struct status_input *in, const struct audit_finding *findings, size_t n)
{
	json_t *list = json_array(), *servers = json_array(), *worst = json_null();
	json_t *shares = json_array();
	enum audit_severity most = AUDIT_NOTICE;

	for (size_t i = 0; i < n; i++) {
		most = MAX(most, audit_severity(findings[i].kind));
		json_array_append_new(list, finding_json(in, &findings[i]));
	}
	if (n)
		worst = json_string(audit_severity_name(most));
	for (size_t i = 0; i < in->model->n_services; i++) {
		json_t *unknown = unknown_json(&in->model->services[i]);

		if (unknown)
			json_array_append_new(shares, unknown);
		for (size_t k = 0; k < in->model->services[i].n_servers; k++)
			json_array_append_new(
				servers, server_json(in, &in->model->services[i], &in->model->services[i].servers[k]));
	}
	return json_pack("{s:i, s:o, s:o, s:o, s:o}", "schema", STATUS_SCHEMA, "worst", worst, "findings", list,
			 "shares", shares, "servers", servers);
}
