// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include <stdio.h>

#include "agent.h"
#include "clock.h"
#include "log.h"

#define DAY_MS    (24LL * 60 * 60 * 1000)
#define MINUTE_MS 60000

struct history *histories_get(struct histories *histories, const char *service, const char *server)
{
	struct history_of **more, *of;

	for (size_t i = 0; i < histories->n; i++)
		if (!strcmp(histories->of[i]->server, server) && !strcmp(histories->of[i]->service, service))
			return &histories->of[i]->history;
	more = reallocarray(histories->of, histories->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	histories->of = more;
	of = calloc(1, sizeof(*of));
	if (!of)
		return NULL;
	snprintf(of->service, sizeof(of->service), "%s", service);
	snprintf(of->server, sizeof(of->server), "%s", server);
	histories->of[histories->n++] = of;
	return &of->history;
}

void histories_age(struct histories *histories, int64_t wall_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < histories->n; i++) {
		if (wall_ms - histories->of[i]->seen_ms > DAY_MS)
			free(histories->of[i]);
		else
			histories->of[kept++] = histories->of[i];
	}
	histories->n = kept;
}

void histories_free(struct histories **histories)
{
	if (!*histories)
		return;
	for (size_t i = 0; i < (*histories)->n; i++)
		free((*histories)->of[i]);
	free((*histories)->of);
	freep(histories);
}

/* Each server of the model knows its history; the entry knows when that was last so. */
static struct history *history_for(struct agent *agent, struct server *server, int64_t wall_ms)
{
	if (!server->run.history)
		server->run.history = histories_get(agent->histories, server->service->conf->name, server->conf->name);
	if (server->run.history)
		((struct history_of *)((char *)server->run.history - offsetof(struct history_of, history)))->seen_ms =
			wall_ms;
	return server->run.history;
}

static void sample(struct agent *agent, struct server *server, int64_t wall_ms)
{
	struct history *history = history_for(agent, server, wall_ms);
	const struct memory *memory = &server->run.memory;
	const struct muster_signals *counted = &server->run.counted;
	bool known = memory_counts(memory) && memory->total_bytes > 0;
	bool watched = server->conf->memory.source != MEMORY_NONE;

	if (!history)
		return;
	history_feed(history, &(struct history_sample){
				      .wall_ms = wall_ms,
				      .flows = server->run.stats.flows_new,
				      .counts = {[HISTORY_RESPONSES] = signals_responses(counted),
						 [HISTORY_REFUSED] = counted->refused,
						 [HISTORY_ERRORS] = counted->status[5],
						 [HISTORY_RESETS] = counted->resets,
						 [HISTORY_REPEATED] = counted->repeated},
				      .live = kernel_live_flows(agent->kernel, server->run.index),
				      .available_permille = known ? memory->available_permille : HISTORY_UNKNOWN,
				      .used_bytes = known ? memory->total_bytes - memory->available_bytes : 0,
				      .watched = watched,
				      .above_soft = !watched || memory->level == MEMORY_GOOD,
			      });
}

static void save(struct agent *agent, int64_t wall_ms)
{
	_cleanup_(freep) char *text = NULL;

	histories_age(agent->histories, wall_ms);
	text = histories_format(agent->histories, agent->boot_id);
	if (text)
		writer_replace(agent->writer, WRITER_HISTORY, text, NULL, NULL);
	agent->history_saved_ms = wall_ms;
}

void history_second(struct agent *agent)
{
	int64_t wall_ms = clock_wall_ms();

	for (size_t i = 0; i < agent->model->n_services; i++)
		for (size_t k = 0; k < agent->model->services[i].n_servers; k++)
			sample(agent, &agent->model->services[i].servers[k], wall_ms);
	/* A clock that was set back starts the minute anew. */
	if (wall_ms - agent->history_saved_ms >= MINUTE_MS || wall_ms < agent->history_saved_ms)
		save(agent, wall_ms);
}

int history_start(struct agent *agent, const char *dir)
{
	_cleanup_(freep) char *text = NULL;
	int error = writer_read(dir, WRITER_HISTORY, &text);

	if (!error)
		error = histories_parse(text, agent->boot_id, &agent->histories);
	if (error == -EINVAL)
		log_warning("%s/history.json cannot be read: what the servers carried is counted anew", dir);
	agent->history_saved_ms = clock_wall_ms();
	return error == -EINVAL || error > 0 ? 0 : error;
}

void history_stop(struct agent *agent)
{
	if (agent->histories && agent->model && agent->counters_ms)
		save(agent, clock_wall_ms());
}
