// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe.h"

#include <netinet/in.h>
#include <stdio.h>

#include "agent.h"

static struct signals_conf conf_of(const struct server *server)
{
	const struct check_conf *check = &server->service->conf->check;
	uint16_t port = server_port(server);

	return (struct signals_conf){
		.checked = port && check->type != CHECK_NONE && (!check->port || check->port == port),
		.one_port = port,
		.interval_ms = check->interval_ms,
	};
}

static void note_refusal(struct agent *agent, const struct server *server, enum signals_refusal was, const char *cause,
			 int64_t lasted_ms)
{
	static const char *const words[] = {
		[SIGNALS_ANSWERS] = "answers",
		[SIGNALS_SAID] = "refuses, a check is asked",
		[SIGNALS_STANDS] = "refuses",
		[SIGNALS_CONFIRMED] = "refuses, confirmed",
	};

	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_SIGNALS,
						  .service = server->service->conf->name,
						  .server = server->conf->name,
						  .from = words[was],
						  .to = words[server->run.signals.refusal],
						  .cause = cause,
						  .duration_ms = lasted_ms});
}

bool observe_hurries(const struct server *server)
{
	return server->run.signals.refusal != SIGNALS_ANSWERS;
}

/* Does what the policy asks for. `was`: the signals before. */
static void act(struct agent *agent, struct server *server, unsigned then, const struct signals *was, const char *cause,
		int64_t now_ms)
{
	if (then & SIGNALS_CHANGED) {
		note_refusal(agent, server, was->refusal, cause, was->since_ms ? now_ms - was->since_ms : 0);
		prober_set_fast(agent->prober, server->run.id,
				health_in_transition(&server->run.health) || observe_hurries(server));
		agent_touch(agent);
	}
	if (then & SIGNALS_ASK)
		prober_now(agent->prober, server->run.id);
}

static void refused(struct agent *agent, struct server *server, const struct muster_event *event, int64_t now_ms)
{
	struct signals *signals = &server->run.signals, was = *signals;
	struct signals_conf conf = conf_of(server);
	struct muster_signals counted;
	char cause[128];
	unsigned then;

	if (kernel_signals(agent->kernel, server->run.index, &counted) < 0)
		return;
	then = signals_refused(signals, &conf, &event->tuple.src, counted.answered, now_ms);
	snprintf(cause, sizeof(cause), "the connections of %u clients were refused within %lld ms, and none answered",
		 SIGNALS_CLIENTS, (long long)(now_ms - signals->row_ms));
	act(agent, server, then, &was, cause, now_ms);
}

bool observe_event(struct agent *agent, const struct muster_event *event, int64_t now_ms)
{
	struct server *server = agent->model ? model_server_by_index(agent->model, event->server) : NULL;

	switch (event->kind) {
	case MUSTER_EVENT_REFUSED:
		if (server)
			refused(agent, server, event, now_ms);
		return true;
	case MUSTER_EVENT_UNANSWERED:
		if (server && signals_unanswered(&server->run.signals, now_ms) & SIGNALS_ASK)
			prober_now(agent->prober, server->run.id);
		return true;
	case MUSTER_EVENT_ERROR_STATUS:
		if (server)
			signals_failed(&server->run.signals, &event->tuple.src, now_ms);
		return true;
	case MUSTER_EVENT_RESET:
		return true; /* counted */
	default:
		return false;
	}
}

void observe_checked(struct agent *agent, struct server *server, const struct probe_result *result, int64_t now_ms)
{
	struct signals *signals = &server->run.signals, was = *signals;
	struct signals_conf conf = conf_of(server);
	unsigned then = signals_checked(signals, &conf, result->outcome, result->started_ms, now_ms);
	bool refuses = signals->refusal == SIGNALS_CONFIRMED;

	act(agent, server, then, &was,
	    refuses ? "a client's connection was refused, and so is a check" : "a check is answered", now_ms);
}

static void note_errors(struct agent *agent, const struct service *service, const struct server *server,
			const char *from, const char *to, const char *cause)
{
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_SIGNALS,
						  .service = service->conf->name,
						  .server = server ? server->conf->name : NULL,
						  .from = from,
						  .to = to,
						  .cause = cause});
}

/* What changed in the comparison of a service's servers, a line each. */
static void note_compared(struct agent *agent, const struct service *service, const bool *erred,
			  const struct signals_pool *was)
{
	const struct signals_pool *pool = &service->run.signals;
	char cause[160];

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct signals *signals = &service->servers[i].run.signals;

		if (signals->erring == erred[i])
			continue;
		snprintf(cause, sizeof(cause), "%u %% of its responses were 5xx, of the rest of its pool %u %%",
			 signals->error_pct, signals->rest_pct);
		note_errors(agent, service, &service->servers[i], erred[i] ? "errs" : "like its pool",
			    erred[i] ? "like its pool" : "errs", cause);
	}
	if (pool->alike == was->alike)
		return;
	snprintf(cause, sizeof(cause), "%u %% of all responses are 5xx, no server stands out: the application's own",
		 pool->error_pct);
	note_errors(agent, service, NULL, pool->alike ? "normal" : "all err alike",
		    pool->alike ? "all err alike" : "normal", pool->alike ? cause : NULL);
}

static void compare(struct agent *agent, struct service *service, int64_t now_ms)
{
	_cleanup_(freep) struct signals **all = calloc(service->n_servers + 1, sizeof(*all));
	_cleanup_(freep) bool *erred = calloc(service->n_servers + 1, sizeof(*erred));
	struct signals_pool was = service->run.signals;

	if (!all || !erred)
		return;
	for (size_t i = 0; i < service->n_servers; i++) {
		all[i] = &service->servers[i].run.signals;
		erred[i] = all[i]->erring;
	}
	if (!signals_compare(&service->run.signals, all, service->n_servers, now_ms))
		return;
	note_compared(agent, service, erred, &was);
	agent_touch(agent);
}

/* In the other modes, and for UDP, the program sees no answers. */
static bool seen(const struct service *service)
{
	return service->conf->proto == IPPROTO_TCP &&
	       (service->conf->mode == MUSTER_MODE_FULLNAT || service->conf->mode == MUSTER_MODE_NAT);
}

void observe_read(struct agent *agent)
{
	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];

		for (size_t k = 0; seen(service) && k < service->n_servers; k++)
			(void)kernel_signals(agent->kernel, service->servers[k].run.index,
					     &service->servers[k].run.counted);
	}
}

void observe_second(struct agent *agent, int64_t now_ms)
{
	observe_read(agent);
	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];

		if (!seen(service))
			continue;
		for (size_t k = 0; k < service->n_servers; k++) {
			struct server *server = &service->servers[k];
			struct signals *signals = &server->run.signals, was = *signals;
			struct signals_conf conf = conf_of(server);
			unsigned then = signals_age(signals, &conf, now_ms);

			then |= signals_count(signals, &server->run.counted, now_ms);
			act(agent, server, then, &was, "nobody has been refused any more", now_ms);
		}
		if (service->conf->observe)
			compare(agent, service, now_ms);
	}
}
