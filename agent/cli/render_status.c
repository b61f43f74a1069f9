// SPDX-License-Identifier: GPL-2.0-or-later
/* Services with their servers: `muster`, `show services`, `show servers`. */
#include "render.h"

#include "human.h"
#include "table.h"

enum { SERVICE, SERVER, ADDRESS, STATE, WEIGHT, MEMORY, FREE, LIVE, CONN, IN, OUT, SHARE, SINCE };

static const struct table_column server_columns[] = {
	[SERVICE] = {"SERVICE"},
	[SERVER] = {"SERVER"},
	[ADDRESS] = {"ADDRESS", .drop = 1},
	[STATE] = {"STATE"},
	[WEIGHT] = {"WEIGHT"},
	[MEMORY] = {"MEMORY", true},
	[FREE] = {"FREE", true, 2},
	[LIVE] = {"LIVE", true},
	[CONN] = {"CONN/S", true},
	[IN] = {"IN/S", true, 3},
	[OUT] = {"OUT/S", true, 4},
	[SHARE] = {"SHARE", true, 5},
	[SINCE] = {"SINCE, CAUSE"},
	{NULL},
};

static void set_memory(struct table *table, size_t shift, const json_t *server)
{
	const json_t *memory = json_object_get(server, "memory");
	const char *level = json_text(memory, "level");
	char buf[HUMAN_SIZE];

	if (strcmp(level, "stale") == 0)
		table_set(table, MEMORY - shift, "stale");
	else if (!json_known(memory, "available_pct"))
		table_set(table, MEMORY - shift, "-");
	else
		table_set(table, MEMORY - shift, "%.0f%%", json_figure(memory, "available_pct"));
	if (json_known(memory, "available_bytes"))
		table_set(table, FREE - shift, "%s", human_bytes(json_figure(memory, "available_bytes"), buf));
	else
		table_set(table, FREE - shift, "-");
}

/* "50/50%": of new flows, what it got and what its weight wants. */
static void set_share(struct table *table, size_t column, const json_t *server)
{
	char got[16] = "-", wanted[16] = "-";

	if (json_known(server, "share_pct"))
		snprintf(got, sizeof(got), "%.0f", json_figure(server, "share_pct"));
	if (json_known(server, "share_wanted_pct"))
		snprintf(wanted, sizeof(wanted), "%.0f%%", json_figure(server, "share_wanted_pct"));
	table_set(table, column, "%s/%s", got, wanted);
}

/* New connections and bytes a second, in three columns from this one on. */
static void set_rates(struct table *table, size_t column, const json_t *object)
{
	const json_t *rates = json_object_get(object, "rates");
	char buf[HUMAN_SIZE];

	for (size_t i = 0; i < 3 && !json_is_object(rates); i++)
		table_set(table, column + i, "-");
	if (!json_is_object(rates))
		return;
	table_set(table, column, "%s", human_rate(json_figure(rates, "flows_per_s"), buf));
	table_set(table, column + 1, "%s", human_short_bytes(json_figure(rates, "bytes_in_per_s"), buf));
	table_set(table, column + 2, "%s", human_short_bytes(json_figure(rates, "bytes_out_per_s"), buf));
}

/* The order that acts, or NULL. */
static const json_t *acting(const json_t *server)
{
	const json_t *order;
	size_t i;

	json_array_foreach(json_object_get(server, "orders"), i,
			   order) if (json_is_true(json_object_get(order, "acts"))) return order;
	return NULL;
}

static void set_cause(struct table *table, size_t column, const json_t *server)
{
	const json_t *cause = json_object_get(server, "cause"), *order = acting(server);
	char age[HUMAN_SIZE], left[HUMAN_SIZE];

	human_age((int64_t)json_figure(cause, "age_ms"), age);
	if (order && json_is_true(json_object_get(order, "overdue")))
		table_set(table, column, "%s overdue: %s", age, json_text(order, "reason"));
	else if (order && !json_known(order, "left_ms"))
		table_set(table, column, "%s, no end: %s", age, json_text(order, "reason"));
	else if (order)
		table_set(table, column, "%s, %s left: %s", age,
			  human_left((int64_t)json_figure(order, "left_ms"), left), json_text(order, "reason"));
	else if (strcmp(json_text(cause, "name"), "full") == 0)
		table_set(table, column, "%s", age);
	else
		table_set(table, column, "%s %s", age, json_text(cause, "text"));
}

/* shift 1: the table has no SERVICE column. */
static void add_server(const struct look *look, struct table *table, size_t shift, const json_t *server)
{
	char addr[96], live[HUMAN_SIZE];

	table_row(table);
	if (!shift)
		table_set(table, SERVICE, "%s", json_text(server, "service"));
	table_set(table, SERVER - shift, "%s", json_text(server, "name"));
	table_set(table, ADDRESS - shift, "%s", render_address(server, addr, sizeof(addr)));
	table_set(table, STATE - shift, "%s", json_text(server, "state"));
	table_color(table, STATE - shift, state_color(look, json_text(server, "state")));
	table_set_weight(table, WEIGHT - shift, json_object_get(server, "weight"));
	set_memory(table, shift, server);
	table_set(table, LIVE - shift, "%s", render_live(server, live));
	set_rates(table, CONN - shift, server);
	set_share(table, SHARE - shift, server);
	set_cause(table, SINCE - shift, server);
}

static void service_header(const struct look *look, const json_t *service)
{
	const json_t *rates = json_object_get(service, "rates");
	char addr[96], live[HUMAN_SIZE], conn[HUMAN_SIZE], in[HUMAN_SIZE], out[HUMAN_SIZE], moves[128] = "", text[512];
	int at;

	at = fprintf(look->out, "%s ", json_text(service, "name"));
	render_state(look, json_text(service, "state"));
	at += (int)strlen(json_text(service, "state")) + 1;
	if (json_is_object(rates))
		snprintf(moves, sizeof(moves), "%s conn/s, in %s/s, out %s/s, ",
			 human_rate(json_figure(rates, "flows_per_s"), conn),
			 human_bytes(json_figure(rates, "bytes_in_per_s"), in),
			 human_bytes(json_figure(rates, "bytes_out_per_s"), out));
	snprintf(text, sizeof(text), "%s, %s, %s, %s%s live", render_address(service, addr, sizeof(addr)),
		 json_text(service, "mode"), json_text(service, "scheduler"), moves, render_live(service, live));
	fprintf(look->out, " ");
	human_wrap(look->out, look->width, (size_t)at, 4, text);
}

static void no_services(const struct look *look, const json_t *status)
{
	const char *file = json_text(status, "config_file");

	fprintf(look->out, "No services yet. Declare one in %s, then: muster reload\n",
		*file ? file : "the configuration file");
}

static void service_servers(const struct look *look, const json_t *service)
{
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *servers = json_object_get(service, "servers"), *server;
	size_t i;

	if (json_array_size(servers) == 0) {
		fprintf(look->out, "No servers yet: muster add NAME --service %s --address ADDRESS\n",
			json_text(service, "name"));
		return;
	}
	if (table_new(&table, server_columns + 1) < 0)
		return;
	json_array_foreach(servers, i, server) add_server(look, table, 1, server);
	table_print(table, look->out, look->width, look->color);
}

/* "interfaces: eth1 native, eth2 native jumbo version 1.2"; that there is none is said under attention. */
static void interfaces(const struct look *look, const json_t *status)
{
	const json_t *list = json_object_get(status, "interfaces"), *interface;
	size_t i;

	json_array_foreach(list, i, interface)
	{
		const char *version = json_text(interface, "version");
		/* The agent's own version goes without saying. */
		bool other = *version && strcmp(version, json_text(status, "version")) != 0;

		fprintf(look->out, "%s%s %s%s%s%s", i ? ", " : "\ninterfaces: ", json_text(interface, "name"),
			json_text(interface, "mode"), json_is_true(json_object_get(interface, "jumbo")) ? " jumbo" : "",
			other ? " version " : "", other ? version : "");
	}
	if (json_array_size(list))
		fprintf(look->out, "\n");
}

void render_status(const struct look *look, const json_t *status)
{
	const json_t *services = json_object_get(status, "services"), *service;
	const json_t *attention = json_object_get(status, "attention");
	size_t i;

	if (json_array_size(services) == 0)
		no_services(look, status);
	json_array_foreach(services, i, service)
	{
		if (i)
			fprintf(look->out, "\n");
		service_header(look, service);
		service_servers(look, service);
	}
	interfaces(look, status);
	if (json_array_size(attention)) {
		fprintf(look->out, "\n");
		render_attention(look, attention);
	}
}

void render_servers(const struct look *look, const json_t *status)
{
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *service, *server;
	size_t i, k, n = 0;

	if (table_new(&table, server_columns) < 0)
		return;
	json_array_foreach(json_object_get(status, "services"), i, service)
		json_array_foreach(json_object_get(service, "servers"), k, server)
	{
		add_server(look, table, 0, server);
		n++;
	}
	if (n)
		table_print(table, look->out, look->width, look->color);
	else if (json_array_size(json_object_get(status, "services")) == 0)
		no_services(look, status);
	else
		fprintf(look->out, "No servers yet: muster add NAME --service SERVICE --address ADDRESS\n");
}

void render_services(const struct look *look, const json_t *status)
{
	static const struct table_column columns[] = {
		{"SERVICE"},
		{"ADDRESS"},
		{"MODE", .drop = 3},
		{"SCHEDULER", .drop = 2},
		{"STATE"},
		{"SERVING", true},
		{"LIVE", true},
		{"CONN/S", true},
		{"IN/S", true, 4},
		{"OUT/S", true, 5},
		{NULL},
	};
	_cleanup_(table_free) struct table *table = NULL;
	const json_t *services = json_object_get(status, "services"), *service;
	char addr[96], live[HUMAN_SIZE];
	size_t i;

	if (json_array_size(services) == 0) {
		no_services(look, status);
		return;
	}
	if (table_new(&table, columns) < 0)
		return;
	json_array_foreach(services, i, service)
	{

		table_row(table);
		table_set(table, 0, "%s", json_text(service, "name"));
		table_set(table, 1, "%s", render_address(service, addr, sizeof(addr)));
		table_set(table, 2, "%s", json_text(service, "mode"));
		table_set(table, 3, "%s", json_text(service, "scheduler"));
		table_set(table, 4, "%s", json_text(service, "state"));
		table_color(table, 4, state_color(look, json_text(service, "state")));
		table_set(table, 5, "%.0f of %zu", json_figure(service, "serving"),
			  json_array_size(json_object_get(service, "servers")));
		table_set(table, 6, "%s", render_live(service, live));
		set_rates(table, 7, service);
	}
	table_print(table, look->out, look->width, look->color);
}
