// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "../address.h"

const char *const status_check_names[] = {
	[CHECK_NONE] = "none", [CHECK_TCP] = "tcp", [CHECK_HTTP] = "http", [CHECK_HTTPS] = "https"};
const char *const status_source_names[] = {
	[MEMORY_NONE] = "none", [MEMORY_NODE_EXPORTER] = "node_exporter", [MEMORY_AGENT_CHECK] = "agent_check"};
static const char *const hop_names[] = {
	[HOP_UNKNOWN] = "unknown", [HOP_GOOD] = "good", [HOP_FAILED] = "failed", [HOP_LOCAL] = "local"};
static const char *const attach_names[] = {
	[ATTACH_AUTO] = "auto", [ATTACH_NATIVE] = "native", [ATTACH_GENERIC] = "generic"};

json_t *status_text(const char *text)
{
	json_t *out = json_string(text ? text : "");
	char *copy;

	if (out)
		return out;
	/* What a server or an operator sent may be any bytes; one bad byte must not cost the whole document. */
	copy = strdup(text);
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	out = json_string(copy ? copy : "");
	free(copy);
	return out;
}

/* since_ms (wall) and age_ms from a CLOCK_BOOTTIME moment; 0: it never happened. */
void status_put_since(json_t *object, const struct status_input *in, int64_t moment_ms)
{
	int64_t age_ms = MAX(in->clock->now_ms - moment_ms, 0);

	json_object_set_new(object, "since_ms", moment_ms ? json_integer(in->clock->wall_ms - age_ms) : json_null());
	json_object_set_new(object, "age_ms", moment_ms ? json_integer(age_ms) : json_null());
}

static double rounded(double value)
{
	return (double)(int64_t)(value * 100 + (value < 0 ? -0.5 : 0.5)) / 100;
}

static json_t *rates_json(const struct server_rate *rate)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "flows_per_s", rounded(rate->flows_s), "bytes_in_per_s",
			 rounded(rate->bytes_in_s), "bytes_out_per_s", rounded(rate->bytes_out_s), "packets_per_s",
			 rounded(rate->packets_s));
}

static json_t *counters_json(const struct muster_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets_in", (json_int_t)s->packets_in,
			 "bytes_in", (json_int_t)s->bytes_in, "packets_out", (json_int_t)s->packets_out, "bytes_out",
			 (json_int_t)s->bytes_out, "flows_new", (json_int_t)s->flows_new, "flows_closed",
			 (json_int_t)s->flows_closed, "refused", (json_int_t)s->refused, "dropped",
			 (json_int_t)s->dropped);
}

static json_t *health_json(const struct status_input *in, const struct server *server)
{
	const struct health *h = &server->run.health;
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:o, s:i}", "state", health_state_name(h->state), "check",
				status_check_names[server->service->conf->check.type], "cause",
				probe_outcome_name(h->cause), "cause_text", probe_outcome_text(h->cause), "detail",
				status_text(h->detail), "check_duration_ms", (int)h->duration_ms);

	status_put_since(out, in, h->since_ms);
	json_object_set_new(out, "checked_age_ms",
			    h->checked_ms ? json_integer(in->clock->now_ms - h->checked_ms) : json_null());
	return out;
}

/* null: no end is in sight. */
static json_t *forecast_json(const struct status_input *in, const struct server *server)
{
	const struct forecast *f = &server->run.forecast;

	if (!f->known)
		return json_null();
	return json_pack("{s:I, s:I, s:b}", "exhausted_in_ms", (json_int_t)forecast_left_ms(f, in->clock->now_ms),
			 "hard_in_ms", (json_int_t)MAX(f->hard_at_ms - in->clock->now_ms, (int64_t)0), "warned",
			 f->warned);
}

static json_t *memory_json(const struct status_input *in, const struct server *server)
{
	const struct memory *m = &server->run.memory;
	const struct memory_conf *conf = &server->conf->memory;
	bool known = m->read_ms != 0 && m->total_bytes > 0;
	json_t *out = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "source", status_source_names[conf->source],
				"level", memory_level_name(m->level), "factor_pct", (int)m->factor_pct, "soft_pct",
				(int)conf->soft_pct, "hard_pct", (int)conf->hard_pct, "port", (int)conf->port, "text",
				status_text(m->text));

	json_object_set_new(out, "available_bytes", known ? json_integer(m->available_bytes) : json_null());
	json_object_set_new(out, "total_bytes", known ? json_integer(m->total_bytes) : json_null());
	json_object_set_new(out, "available_pct", known ? json_real(m->available_permille / 10.0) : json_null());
	json_object_set_new(out, "forecast", forecast_json(in, server));
	json_object_set_new(out, "pressure_pct",
			    server->run.forecast.pressure_pct < 0 ? json_null()
								  : json_integer(server->run.forecast.pressure_pct));
	json_object_set_new(out, "age_ms", m->read_ms ? json_integer(in->clock->now_ms - m->read_ms) : json_null());
	return out;
}

static json_t *share_wanted(const struct server *server)
{
	double sum = 0;

	for (size_t i = 0; i < server->service->n_servers; i++)
		sum += server->service->servers[i].run.pool.effective;
	return sum > 0 ? json_real(rounded(100.0 * server->run.pool.effective / sum)) : json_null();
}

static json_t *cause_json(const struct status_input *in, const struct server *server)
{
	json_t *out = json_pack("{s:s, s:s}", "name", pool_cause_name(server->run.pool.cause), "text",
				pool_cause_text(server->run.pool.cause));

	status_put_since(out, in, server->run.pool.cause_since_ms);
	return out;
}

/* Where it stands on its way to its whole weight, or from it; null: on none. */
static json_t *slow_start_json(const struct status_input *in, const struct server *server)
{
	const struct ramp *ramp = &server->run.pool.ramp;

	if (!ramp->direction)
		return json_null();
	return json_pack("{s:b, s:i, s:I}", "up", ramp->direction > 0, "pct", (int)ramp_pct(ramp), "left_ms",
			 (json_int_t)ramp_left_ms(ramp, in->clock->now_ms));
}

int64_t status_live(const struct status_input *in, const struct server *server)
{
	return in->live_flows ? in->live_flows(in->live_context, server->run.index) : -1;
}

int64_t status_live_add(int64_t sum, int64_t live)
{
	return sum < 0 || live < 0 ? -1 : sum + live;
}

json_t *status_live_json(int64_t live)
{
	return live < 0 ? json_null() : json_integer(live);
}

/* What its service wants done where memory is out, and what became of it; null: nothing but weighing. */
static json_t *recycle_json(const struct status_input *in, const struct server *server)
{
	const struct recycle *run = &server->service->run.recycle;
	const struct recycle_past *past = &server->run.recycled;
	const char *hook = server->service->conf->recycle_hook;
	bool now = run->phase != RECYCLE_IDLE && !strcmp(run->server, server->conf->name);

	if (!server->service->conf->recycles && !now && !past->failed)
		return json_null();
	return json_pack("{s:o, s:s, s:o, s:I}", "hook", hook ? status_text(hook) : json_null(), "step",
			 recycle_phase_name(now ? run->phase : RECYCLE_IDLE), "failed",
			 past->failed ? status_text(past->why) : json_null(), "held_ms",
			 (json_int_t)MAX(past->until_ms - in->clock->now_ms, (int64_t)0));
}

static json_t *server_json(const struct status_input *in, const struct server *server)
{
	int64_t live = status_live(in, server);
	char addr[ADDRESS_TEXT_SIZE];
	uint32_t ordered;
	const char *state = status_stand(in, server, live, &ordered);
	json_t *out =
		json_pack("{s:s, s:s, s:s, s:i, s:s, s:b}", "name", server->conf->name, "service",
			  server->service->conf->name, "address", address_format(&server->conf->addr, addr), "port",
			  (int)server_port(server), "state", state, "serving", server->run.pool.effective > 0);

	json_object_set_new(out, "cause", cause_json(in, server));
	json_object_set_new(out, "health", health_json(in, server));
	json_object_set_new(out, "weight",
			    json_pack("{s:i, s:i, s:f, s:i}", "declared", (int)server->conf->weight, "ordered",
				      (int)ordered, "effective", server->run.pool.effective / 100.0, "factor_pct",
				      (int)server->run.pool.factor_pct));
	json_object_set_new(out, "slow_start", slow_start_json(in, server));
	json_object_set_new(out, "role", json_string(server->conf->backup ? "backup" : "active"));
	json_object_set_new(out, "tier", server->conf->backup ? json_integer(server->conf->tier) : json_null());
	json_object_set_new(out, "memory", memory_json(in, server));
	json_object_set_new(out, "recycle", recycle_json(in, server));
	json_object_set_new(out, "rates", rates_json(&server->run.rate));
	json_object_set_new(out, "live_flows", status_live_json(live));
	if (in->counters)
		json_object_set_new(out, "counters", counters_json(&in->counters->server[server->run.index]));
	json_object_set_new(out, "source_ports", status_ports_json(&server->run.ports));
	json_object_set_new(out, "signals", status_signals_json(server));
	json_object_set_new(out, "share_pct",
			    server->run.share_pct < 0 ? json_null() : json_real(rounded(server->run.share_pct)));
	json_object_set_new(out, "share_wanted_pct", share_wanted(server));
	json_object_set_new(out, "orders", status_orders_json(in, server));
	json_object_set_new(out, "next_hop", json_string(hop_names[server->run.hop]));
	json_object_set_new(out, "not_in_file", json_boolean(server->conf->line == 0));
	return out;
}

static const char *service_state(const struct service *service)
{
	if (service->n_servers == 0)
		return "no_servers";
	if (service->run.pool.suspect)
		return "suspect";
	if (service->run.pool.fail_open)
		return "fail_open";
	for (size_t i = 0; i < service->n_servers; i++)
		if (service->servers[i].run.pool.effective > 0)
			return "serving";
	return "empty";
}

static json_t *service_json(const struct status_input *in, const struct service *service)
{
	const struct service_conf *conf = service->conf;
	char addr[ADDRESS_TEXT_SIZE];
	json_t *servers = json_array();
	int64_t live = 0;
	int serving = 0;
	json_t *out = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "name", conf->name, "address",
				address_format(&conf->addr, addr), "port", (int)conf->port, "protocol",
				conf->proto == IPPROTO_UDP ? "udp" : "tcp", "mode", config_mode_name(conf->mode),
				"scheduler", config_scheduler_name(conf->scheduler), "state", service_state(service));

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *server = &service->servers[i];

		live = status_live_add(live, status_live(in, server));
		serving += server->run.pool.effective > 0;
		json_array_append_new(servers, server_json(in, server));
	}
	json_object_set_new(out, "serving", json_integer(serving));
	json_object_set_new(out, "on_memory", json_string(config_on_memory_name(conf->recycles)));
	json_object_set_new(out, "rates", rates_json(&service->run.rate));
	json_object_set_new(out, "live_flows", status_live_json(live));
	if (in->counters)
		json_object_set_new(out, "counters", counters_json(&in->counters->service[service->run.index]));
	json_object_set_new(out, "servers", servers);
	return out;
}

static json_t *interfaces_json(const struct status_input *in)
{
	json_t *out = json_array();

	for (size_t i = 0; i < in->n_interfaces; i++) {
		const struct attach_report *r = &in->interfaces[i];
		const char *mode = r->program_id == 0 ? "none" : r->native ? "native" : "generic";

		json_array_append_new(out, json_pack("{s:s, s:i, s:s, s:s, s:b, s:b, s:i, s:o, s:o}", "name", r->ifname,
						     "ifindex", (int)r->ifindex, "mode", mode, "wanted",
						     attach_names[r->wanted], "jumbo", r->frags, "adopted", r->adopted,
						     "program_id", (int)r->program_id, "version",
						     r->version[0] ? status_text(r->version) : json_null(), "text",
						     status_text(r->text)));
	}
	return out;
}

static json_t *storage_object(int64_t busy_ms, int error)
{
	json_t *out = json_pack("{s:I}", "busy_ms", (json_int_t)busy_ms);

	json_object_set_new(out, "error", error ? json_string(strerror(abs(error))) : json_null());
	return out;
}

json_t *status_storage_json(int64_t writer_busy_ms, int writer_error)
{
	json_t *out = storage_object(writer_busy_ms, writer_error);

	json_object_set_new(out, "schema", json_integer(STATUS_SCHEMA));
	return out;
}

json_t *status_json(const struct status_input *in)
{
	json_t *services = json_array();
	json_t *out = json_pack("{s:i, s:s, s:I, s:I}", "schema", STATUS_SCHEMA, "version", MUSTER_VERSION, "wall_ms",
				(json_int_t)in->clock->wall_ms, "started_ms", (json_int_t)in->started_wall_ms);

	json_object_set_new(out, "ready", json_boolean(in->ready));
	if (in->model->config && in->model->config->file)
		json_object_set_new(out, "config_file", status_text(in->model->config->file));
	for (size_t i = 0; i < in->model->n_services; i++)
		json_array_append_new(services, service_json(in, &in->model->services[i]));
	json_object_set_new(out, "services", services);
	json_object_set_new(out, "interfaces", interfaces_json(in));
	json_object_set_new(out, "storage", storage_object(in->writer_busy_ms, in->writer_error));
	json_object_set_new(out, "attention", status_attention(in, NULL));
	return out;
}

json_t *status_server_json(const struct status_input *in, const char *service, const char *server)
{
	json_t *servers = json_array(), *attention = json_array();

	for (size_t i = 0; i < in->model->n_services; i++) {
		const struct service *s = &in->model->services[i];

		if (service && strcmp(service, s->conf->name) != 0)
			continue;
		for (size_t k = 0; k < s->n_servers; k++) {
			json_t *one, *sentences;

			if (strcmp(server, s->servers[k].conf->name) != 0)
				continue;
			one = server_json(in, &s->servers[k]);
			json_object_set_new(one, "layers", status_layers_json(in, &s->servers[k]));
			json_object_set_new(one, "commands", status_commands_json(in, &s->servers[k]));
			json_object_set_new(one, "protocol",
					    json_string(s->conf->proto == IPPROTO_UDP ? "udp" : "tcp"));
			json_object_set_new(one, "mode", json_string(config_mode_name(s->conf->mode)));
			json_array_append_new(servers, one);
			sentences = status_attention(in, &s->servers[k]);
			json_array_extend(attention, sentences);
			json_decref(sentences);
		}
	}
	if (json_array_size(servers) == 0) {
		json_decref(servers);
		json_decref(attention);
		return NULL;
	}
	return json_pack("{s:i, s:I, s:o, s:o}", "schema", STATUS_SCHEMA, "wall_ms", (json_int_t)in->clock->wall_ms,
			 "servers", servers, "attention", attention);
}
