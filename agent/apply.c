// SPDX-License-Identifier: GPL-2.0-or-later
/* From a configuration's text to a model, its records in the maps, and its probes. */
#include <ifaddrs.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "agent.h"
#include "clock.h"
#include "log.h"
#include "orders/orders.h"

#define CONFIG_MAX_BYTES (1024 * 1024)
#define BEGIN_TICKS      4 /* of half a second */

int agent_read_file(const char *path, char **out)
{
	_cleanup_(freep) char *text = malloc(CONFIG_MAX_BYTES + 2);
	FILE *file = fopen(path, "re");
	size_t length;
	int error = 0;

	if (!file)
		return -errno;
	if (!text) {
		fclose(file);
		return -ENOMEM;
	}
	length = fread(text, 1, CONFIG_MAX_BYTES + 1, file);
	if (ferror(file))
		error = -EIO;
	fclose(file);
	if (error)
		return error;
	text[length] = '\0';
	*out = TAKE_PTR(text);
	return 0;
}

static bool is_local(const struct ifaddrs *addresses, const struct muster_addr *addr)
{
	for (const struct ifaddrs *a = addresses; a; a = a->ifa_next) {
		struct muster_addr local;

		if (!a->ifa_addr)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			local = address_from_v4(((struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr);
		else if (a->ifa_addr->sa_family == AF_INET6)
			memcpy(&local, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, sizeof(local));
		else
			continue;
		if (address_equal(&local, addr))
			return true;
	}
	return false;
}

/* A server on the balancer itself would send the program's packets round and round: refused, with a sentence. */
static int refuse_local_servers(const struct config *config, FILE *faults)
{
	char text[ADDRESS_TEXT_SIZE];
	struct ifaddrs *addresses;
	int faulty = 0;

	if (getifaddrs(&addresses) < 0)
		return -errno;
	for (size_t i = 0; i < config->n_services; i++) {
		const struct service_conf *service = &config->services[i];

		for (size_t j = 0; j < service->n_servers; j++) {
			const struct server_conf *server = &service->servers[j];

			if (!is_local(addresses, &server->addr))
				continue;
			fprintf(faults,
				"%s:%u:1: server \"%s\" of service \"%s\": %s is an address of this host, and the "
				"balancer cannot forward to itself; give the address of another host\n",
				config->file, server->line, server->name, service->name,
				address_format(&server->addr, text));
			faulty = -EINVAL;
		}
	}
	freeifaddrs(addresses);
	return faulty;
}

/* What commands added and removed stands over the file. What no longer fits is said, one log line each. */
static int lay_over(const struct agent *agent, struct config *config)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	FILE *notes;
	int error;

	if (!agent->state || !agent->state->n_overlays)
		return 0;
	notes = open_memstream(&text, &length);
	if (!notes)
		return -ENOMEM;
	error = state_apply_overlay(agent->state, config, notes);
	fclose(notes);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_warning("%s", line);
	return error;
}

int agent_read(const struct agent *agent, const char *file, const char *text, FILE *faults, struct config **out)
{
	_cleanup_(config_free) struct config *config = NULL;
	int error;

	error = config_parse(text, strlen(text), file, faults, &config);
	if (error)
		return error;
	error = lay_over(agent, config);
	if (error)
		return error;
	error = refuse_local_servers(config, faults);
	if (error)
		return error;
	*out = TAKE_PTR(config);
	return 0;
}

static void add_probe(struct probe_spec *specs, size_t *n, const struct server *server)
{
	const struct check_conf *check = &server->service->conf->check;
	const struct memory_conf *memory = &server->conf->memory;

	if (check->type != CHECK_NONE)
		specs[(*n)++] = (struct probe_spec){
			.id = server->run.id,
			.kind = PROBE_KIND_CHECK,
			.addr = server->conf->addr,
			.port = check->port ? check->port : server_port(server),
			.check = check,
		};
	if (memory->source != MEMORY_NONE)
		specs[(*n)++] = (struct probe_spec){
			.id = server->run.id,
			.kind = PROBE_KIND_MEMORY,
			.addr = server->conf->addr,
			.port = memory->port,
			.memory = memory,
		};
}

static int set_probes(struct agent *agent, const struct model *model)
{
	_cleanup_(freep) struct probe_spec *specs = NULL;
	size_t n = 0;

	for (size_t i = 0; i < model->n_services; i++)
		n += model->services[i].n_servers;
	specs = calloc(2 * n + 1, sizeof(*specs));
	if (!specs)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < model->n_services; i++)
		for (size_t j = 0; j < model->services[i].n_servers; j++)
			add_probe(specs, &n, &model->services[i].servers[j]);
	return prober_set(agent->prober, specs, n, true);
}

/* Nobody asks such a server, so it counts as up. */
static void trust_unchecked(struct model *model, int64_t now_ms)
{
	for (size_t i = 0; i < model->n_services; i++)
		for (size_t j = 0; j < model->services[i].n_servers; j++) {
			struct server *server = &model->services[i].servers[j];

			if (server->service->conf->check.type != CHECK_NONE || server->run.health.state == HEALTH_UP)
				continue;
			health_adopt(&server->run.health, HEALTH_UP, now_ms);
			server->run.pool.held_until_ms = server->run.pool.hold_ms = 0;
		}
}

int agent_apply(struct agent *agent, const char *text, FILE *faults)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = NULL;
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(model_free) struct model *model = NULL;
	_cleanup_(freep) char *kept = strdup(text);
	int64_t now_ms = clock_now_ms();
	struct model *old;
	int error;

	if (!kept)
		return -ENOMEM;
	error = agent_read(agent, agent->file, text, faults, &config);
	if (error)
		return error;
	error = kernel_snapshot(agent->kernel, &snapshot);
	if (error) {
		fprintf(faults, "reading the maps: %s\n", strerror(-error));
		return error;
	}
	error = model_new(&model, config, agent->model, snapshot, agent->state, now_ms);
	if (error) {
		fprintf(faults, "%s: more servers or services than the maps have records for\n", agent->file);
		return error;
	}
	config = NULL;
	trust_unchecked(model, now_ms);
	error = set_probes(agent, model);
	if (error) {
		fprintf(faults, "setting up the probes: %s; see the log line before\n", strerror(-error));
		return error;
	}
	old = agent->model;
	agent->model = TAKE_PTR(model);
	orders_note_orphans(agent, old);
	model_free(&old);
	free(agent->applied);
	agent->applied = TAKE_PTR(kept);
	agent_touch(agent);
	return 0;
}

int agent_attach_interfaces(struct agent *agent)
{
	const struct config *config = agent->model->config;
	int failed = 0;

	for (size_t i = 0; i < config->n_interfaces; i++) {
		struct attach_report report = {0};
		int error =
			kernel_attach(agent->kernel, config->interfaces[i].name, config->interfaces[i].mode, &report);

		agent_note(agent, &(struct journal_entry){.kind = JOURNAL_INTERFACE,
							  .from = config->interfaces[i].name,
							  .to = error           ? "failed"
								: report.native ? "native"
										: "generic",
							  .cause = report.text});
		failed = failed ? failed : error;
	}
	return failed;
}

/* Is anybody's health still unknown? */
static bool all_known(const struct agent *agent)
{
	for (size_t i = 0; i < agent->model->n_services; i++)
		for (size_t j = 0; j < agent->model->services[i].n_servers; j++)
			if (agent->model->services[i].servers[j].run.health.state == HEALTH_UNKNOWN)
				return false;
	return true;
}

/*
 * After a reboot nothing is known of the servers, and a program attached then would refuse the first clients: it waits
 * for the first results, for BEGIN_TICKS at most. An agent that only comes back knows from the maps, and waits for nothing.
 */
void agent_begin(struct agent *agent)
{
	if (agent->begun || (agent->ticks < BEGIN_TICKS && !all_known(agent)))
		return;
	agent->begun = true;
	if (agent->touched)
		agent_turn(agent);
	agent_attach_interfaces(agent);
	sd_notify(0, "READY=1");
}
