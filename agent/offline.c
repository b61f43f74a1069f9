// SPDX-License-Identifier: GPL-2.0-or-later
#include "offline.h"

#include <stdio.h>

#include "agent.h"
#include "change/kept.h"
#include "clock.h"
#include "report/writer.h"

void offline_close(struct offline **offline)
{
	struct offline *o = *offline;

	if (!o)
		return;
	model_free(&o->model);
	state_free(&o->state);
	kernel_snapshot_free(&o->snapshot);
	kernel_look_away(&o->kernel);
	free(o->dir);
	free(o->pins);
	freep(offline);
}

/* Folders by option, by the file, or where they usually are. The file's faults are for musterd -t: they hide no folder. */
static int find_folders(struct offline *o, const char *file, const char *dir, const char *pins)
{
	_cleanup_(freep) char *read = NULL;
	const char *text = agent_read_file(file, &read) == 0 ? read : "";

	o->dir = dir ? strdup(dir) : config_folder(text, "state");
	o->pins = pins ? strdup(pins) : config_folder(text, "pins");
	return o->dir && o->pins ? 0 : -ENOMEM;
}

/* The configuration that was in force last, with what commands added and removed. */
static int read_config(const struct offline *o, struct config **out, char *why, size_t n)
{
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(kept_free) struct kept *kept = NULL;
	_cleanup_(freep) char *text = NULL;
	const struct kept_config *current;
	FILE *nowhere;
	int error = writer_read(o->dir, WRITER_CONFIGS, &text);

	if (!error)
		error = kept_parse(text, &kept);
	current = error ? NULL : kept_current(kept);
	if (!current) {
		snprintf(why, n, "no configuration in %s: %s; name musterd's state folder with --state", o->dir,
			 error ? strerror(-error) : "no musterd has run with it");
		return error ? error : -ENOENT;
	}
	nowhere = fopen("/dev/null", "we");
	error = nowhere ? config_parse(current->text, strlen(current->text), current->file, nowhere, &config) : -errno;
	if (!error)
		error = state_apply_overlay(o->state, config, nowhere);
	if (nowhere)
		fclose(nowhere);
	if (error)
		snprintf(why, n, "reading the configuration that %s keeps: %s", o->dir, strerror(-error));
	else
		*out = TAKE_PTR(config);
	return error;
}

static int read_state(struct offline *o, char *why, size_t n)
{
	_cleanup_(freep) char *text = NULL;
	int error = writer_read(o->dir, WRITER_STATE, &text);

	why[0] = '\0';
	if (!error)
		error = state_parse(text, &o->state, why, n);
	if (error && !why[0])
		snprintf(why, n, "reading the orders in %s: %s", o->dir, strerror(-error));
	return error;
}

static void say_who(struct offline *o)
{
	char quiet[64] = "";

	if (o->quiet_ms >= 0)
		snprintf(quiet, sizeof(quiet), "; the last one was at work %s ago",
			 status_ago(&o->in, o->clock.now_ms - o->quiet_ms));
	if (o->holder)
		snprintf(o->text, sizeof(o->text),
			 "musterd (pid %d) holds the maps in %s: this is what they and its files hold, and it may know "
			 "better",
			 o->holder, o->pins);
	else
		snprintf(
			o->text, sizeof(o->text),
			"nobody is in charge: no musterd holds the maps in %s%s. Packets are balanced as it left them, "
			"nobody checks the servers, no order ends, and health is as it was then; systemctl start "
			"musterd",
			o->pins, quiet);
}

static int64_t live_flows(void *context, uint32_t server_index)
{
	return kernel_look_live(context, server_index);
}

/* As it is at least since an agent was last at work; the weight was for the order's sake, or for what the agent saw of its health. */
static void recall_server(struct offline *o, struct server *server)
{
	const int64_t since_ms = o->quiet_ms < 0 ? 0 : o->clock.now_ms - o->quiet_ms;
	struct server_run *run = &server->run;

	for (size_t i = 0; i < o->snapshot->n_servers; i++)
		if (o->snapshot->servers[i].index == run->index && o->snapshot->servers[i].record.hop.ifindex)
			run->hop = HOP_GOOD;
	run->pool.ramp = (struct ramp){0}; /* nobody moves it on */
	run->pool.resumed_pct = 0;
	run->health.since_ms = run->pool.cause_since_ms = run->declared_ms = since_ms;
	if (lease_acting(o->state->orders, o->state->n_orders, server->service->conf->name, server->conf->name))
		run->pool.cause = POOL_CAUSE_ORDERED;
	else if (run->health.state == HEALTH_DOWN)
		run->pool.cause = POOL_CAUSE_DOWN;
	else if (run->pool.effective != 100 * server->conf->weight)
		run->pool.cause = server->conf->backup ? POOL_CAUSE_STANDBY : POOL_CAUSE_UNKNOWN;
}

static void recall(struct offline *o)
{
	const struct config *config = o->model->config;

	for (size_t i = 0; i < o->model->n_services; i++)
		for (size_t k = 0; k < o->model->services[i].n_servers; k++)
			recall_server(o, &o->model->services[i].servers[k]);
	o->in = (struct status_input){.model = o->model,
				      .state = o->state,
				      .clock = &o->clock,
				      .live_flows = live_flows,
				      .live_context = o->kernel,
				      .interfaces = o->interfaces,
				      .config_attention = o->text,
				      .ready = true};
	for (size_t i = 0; i < config->n_interfaces && o->in.n_interfaces < OFFLINE_INTERFACES; i++) {
		struct attach_report *report = &o->interfaces[o->in.n_interfaces];

		if (attach_query(o->pins, config->interfaces[i].name, report) == 0 && report->program_id)
			o->in.n_interfaces++;
	}
}

int offline_open(struct offline **out, const char *file, const char *dir, const char *pins, bool lock, char *why,
		 size_t n)
{
	_cleanup_(offline_close) struct offline *o = calloc(1, sizeof(*o));
	_cleanup_(config_free) struct config *config = NULL;
	int error = o ? find_folders(o, file, dir, pins) : -ENOMEM;

	why[0] = '\0';
	if (!error)
		error = kernel_look_at(&o->kernel, o->pins, lock, why, n);
	if (!error)
		error = kernel_snapshot(o->kernel, &o->snapshot);
	if (!error)
		error = read_state(o, why, n);
	if (!error)
		error = read_config(o, &config, why, n);
	if (!error) {
		o->clock = (struct lease_clock){.now_ms = clock_now_ms(), .wall_ms = clock_wall_ms()};
		agent_boot_id(o->clock.boot_id);
		error = model_new(&o->model, config, NULL, o->snapshot, o->state, o->clock.now_ms);
	}
	if (error) {
		if (!why[0])
			snprintf(why, n, "looking at the maps and the state folder: %s", strerror(-error));
		return error;
	}
	config = NULL;
	o->quiet_ms = kernel_quiet_ms(o->snapshot);
	o->holder = lock ? 0 : kernel_holder(o->pins);
	recall(o);
	say_who(o);
	*out = TAKE_PTR(o);
	return 0;
}

static void forget_of(const struct offline *o, json_t *list)
{
	json_t *one, *health;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_object_set_new(one, "rates", json_null());
		json_object_set_new(one, "signals", json_null());
		health = json_object_get(one, "health");
		if (health && o->quiet_ms >= 0)
			json_object_set_new(health, "seen_age_ms", json_integer(o->quiet_ms));
		forget_of(o, json_object_get(one, "servers"));
	}
}

json_t *offline_status_json(struct offline *o)
{
	json_t *document = status_json(&o->in);

	forget_of(o, json_object_get(document, "services"));
	return document;
}

json_t *offline_server_json(struct offline *o, const char *service, const char *server)
{
	json_t *document = status_server_json(&o->in, service, server);

	forget_of(o, json_object_get(document, "servers"));
	return document;
}

json_t *offline_leases_json(struct offline *o)
{
	return status_leases_json(&o->in);
}

json_t *offline_picks_json(struct offline *o, const char *name)
{
	struct status_picks picks = {.service = model_service(o->model, name)};
	_cleanup_(freep) uint32_t *slots = NULL;

	if (!picks.service || kernel_picks(o->kernel, picks.service->run.index, &slots, &picks.n_slots) < 0)
		return NULL;
	picks.slots = slots;
	picks.turns = kernel_turns(o->kernel, picks.service->run.index);
	return status_picks_json(&picks);
}
