// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters and flows as JSON. */
#include "status.h"

#include <netinet/in.h>

#include "../address.h"
#include "verdicts.h"

json_t *status_ports_json(const struct kernel_ports *ports)
{
	if (!ports->n)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "in_use", (json_int_t)ports->in_use, "of", (json_int_t)ports->n,
			 "reused_early", (json_int_t)ports->reused_early);
}

/* Of all servers together. */
static json_t *all_ports_json(const struct status_input *in)
{
	json_int_t in_use = 0, of = 0, early = 0;

	for (size_t i = 0; in->counters && i < MUSTER_MAX_SERVERS; i++) {
		in_use += in->counters->ports[i].in_use;
		of += in->counters->ports[i].n;
		early += in->counters->ports[i].reused_early;
	}
	return json_pack("{s:I, s:I, s:I}", "in_use", in_use, "of", of, "reused_early", early);
}

static json_t *flow_table_json(const struct kernel_flow_table *table)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "flows",
			 (json_int_t)table->entries / MUSTER_ENTRIES_A_FLOW, "entries", (json_int_t)table->entries,
			 "used", (json_int_t)table->used, "half_open_entries", (json_int_t)table->half_open_entries,
			 "half_open_used", (json_int_t)table->half_open_used, "older_entries",
			 (json_int_t)table->older_entries, "older_used", (json_int_t)table->older_used, "memory_bytes",
			 (json_int_t)table->memory_bytes, "half_open_evicted", (json_int_t)table->half_open_evicted,
			 "flood", table->flood);
}

static json_t *verdicts_json(const struct status_input *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < MUSTER_VERDICTS_N; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "name", verdicts[i].name, "action",
						      verdicts[i].action, "text", verdicts[i].text, "packets",
						      (json_int_t)(in->counters ? in->counters->verdict[i] : 0)));
	return list;
}

json_t *status_verdicts_json(const struct status_input *in)
{
	return json_pack("{s:i, s:I, s:o}", "schema", STATUS_SCHEMA, "wall_ms", (json_int_t)in->clock->wall_ms,
			 "verdicts", verdicts_json(in));
}

json_t *status_stats_json(const struct status_input *in)
{
	int64_t live = 0;
	json_t *out;

	for (size_t i = 0; i < in->model->n_services; i++)
		for (size_t k = 0; k < in->model->services[i].n_servers; k++)
			live = status_live_add(live, status_live(in, &in->model->services[i].servers[k]));
	out = json_pack("{s:i, s:I, s:o, s:{s:I}, s:o, s:o, s:{s:I, s:i, s:i, s:i}}", "schema", STATUS_SCHEMA,
			"wall_ms", (json_int_t)in->clock->wall_ms, "verdicts", verdicts_json(in), "maps",
			"memory_bytes", (json_int_t)in->map_memory_bytes, "flow_table",
			flow_table_json(&in->flow_table), "source_ports", all_ports_json(in), "probes", "started",
			(json_int_t)in->lateness.started, "late_p50_ms", (int)in->lateness.p50_ms, "late_p99_ms",
			(int)in->lateness.p99_ms, "late_max_ms", (int)in->lateness.max_ms);
	json_object_set_new(out, "live_flows", status_live_json(live));
	json_object_set_new(out, "signals", status_all_signals_json(in->model));
	return out;
}

const char *status_flow_state(enum muster_flow_state state)
{
	static const char *const names[MUSTER_FLOW_STATES_N] = {
		[MUSTER_FLOW_HALF_OPEN] = "half_open",
		[MUSTER_FLOW_ESTABLISHED] = "established",
		[MUSTER_FLOW_CLOSING] = "closing",
		[MUSTER_FLOW_UDP_ONCE] = "udp_once",
		[MUSTER_FLOW_UDP] = "udp",
		[MUSTER_FLOW_ONE_WAY] = "one_way",
	};

	return state < MUSTER_FLOW_STATES_N && names[state] ? names[state] : "unknown";
}

json_t *status_flow_json(const struct model *model, const struct kernel_flow *flow)
{
	const struct server *server = model_server_by_index(model, flow->server);
	char client[ADDRESS_TEXT_SIZE], vip[ADDRESS_TEXT_SIZE], source[ADDRESS_TEXT_SIZE], dest[ADDRESS_TEXT_SIZE];
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "client",
				address_port_format(&flow->asked.src, flow->asked.sport, client), "destination",
				address_port_format(&flow->asked.dst, flow->asked.dport, vip), "source_at_server",
				address_port_format(&flow->seen.src, flow->seen.sport, source), "server_address",
				address_port_format(&flow->seen.dst, flow->seen.dport, dest), "protocol",
				flow->asked.proto == IPPROTO_UDP ? "udp" : "tcp", "state",
				status_flow_state(flow->state), "idle_s", (json_int_t)flow->idle_s);

	/* A removed server's flows live on without a name. */
	json_object_set_new(out, "service", server ? json_string(server->service->conf->name) : json_null());
	json_object_set_new(out, "server", server ? json_string(server->conf->name) : json_null());
	return out;
}

bool status_flow_take(void *status_flows, const struct kernel_flow *flow)
{
	struct status_flows *want = status_flows;
	const struct server *server = model_server_by_index(want->model, flow->server);

	if (want->server && (!server || strcmp(want->server, server->conf->name) != 0))
		return true;
	if (want->service && (!server || strcmp(want->service, server->service->conf->name) != 0))
		return true;
	if (want->client && !address_equal(want->client, &flow->asked.src))
		return true;
	if (!want->flows)
		want->flows = json_array();
	if (want->most && json_array_size(want->flows) >= want->most) {
		want->more = true;
		return false;
	}
	json_array_append_new(want->flows, status_flow_json(want->model, flow));
	return true;
}

json_t *status_flows_json(struct status_flows *flows)
{
	json_t *list = flows->flows ? TAKE_PTR(flows->flows) : json_array();

	return json_pack("{s:i, s:o, s:b}", "schema", STATUS_SCHEMA, "flows", list, "more", flows->more);
}
