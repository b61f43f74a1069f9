// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals: what stands in the model now. What is said here each half second is an alert until it is not said any more. */
#include <stdarg.h>
#include <stdio.h>

#include "alerts.h"

#define PORTS_SCARCE    10               /* less than one in so many is left */
#define LATELY_MS       (10 * 60 * 1000) /* what is older is over */
#define FAILURES_IN_ROW 3                /* of a receiver */

/* One round: where it goes. */
struct round {
	struct agent *agent;
	struct book *book;
	const struct book_view *view;
};

static void say(const struct round *round, enum alert_kind kind, const char *service, const char *server,
		const char *format, ...) _printf_(5, 6);
static void say(const struct round *round, enum alert_kind kind, const char *service, const char *server,
		const char *format, ...)
{
	char detail[ALERT_DETAIL_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	book_raise(round->book, round->view, kind, service, server, detail);
}

static void health(const struct round *round, const struct server *server, const char *service)
{
	const struct health *h = &server->run.health;
	const char *name = server->conf->name, *why = h->detail[0] ? h->detail : probe_outcome_text(h->cause);

	if (h->state == HEALTH_DOWN)
		say(round, ALERT_SERVER_DOWN, service, name, "%s", why);
	if (h->state == HEALTH_SLOW)
		say(round, ALERT_SERVER_SLOW, service, name, "%s", why);
	/* Until its first check has ended nobody knows whether what was wrong still is. */
	if (h->state != HEALTH_UNKNOWN)
		return;
	book_keep(round->book, ALERT_SERVER_DOWN, service, name);
	book_keep(round->book, ALERT_SERVER_SLOW, service, name);
	book_keep(round->book, ALERT_OUT_WITHOUT_ORDER, service, name);
}

static void packets(const struct round *round, const struct server *server, const char *service)
{
	const struct signals *s = &server->run.signals;

	if (s->refusal == SIGNALS_STANDS || s->refusal == SIGNALS_CONFIRMED)
		say(round, ALERT_SERVER_REFUSES, service, server->conf->name, "%s",
		    s->refusal == SIGNALS_CONFIRMED ? "its clients' connections, and a check's"
						    : "its clients' connections");
	if (s->erring)
		say(round, ALERT_SERVER_ERRS, service, server->conf->name,
		    "%u %% of its responses, of the rest of its pool %u %%", s->error_pct, s->rest_pct);
}

static void memory(const struct round *round, const struct server *server, const char *service)
{
	const struct memory *m = &server->run.memory;
	const char *name = server->conf->name;
	char left[FORECAST_TEXT_SIZE];

	if (m->level == MEMORY_LOW || m->level == MEMORY_HARD)
		say(round, ALERT_MEMORY_LOW, service, name, "%u.%u %% available", m->available_permille / 10,
		    m->available_permille % 10);
	if (m->level == MEMORY_HARD)
		say(round, ALERT_MEMORY_HARD, service, name, "%u.%u %% available", m->available_permille / 10,
		    m->available_permille % 10);
	if (server->run.forecast.warned)
		say(round, ALERT_MEMORY_ENDS, service, name, "in about %s",
		    forecast_left_text(&server->run.forecast, round->view->now_ms, left, sizeof(left)));
	if (server->run.recycled.failed)
		say(round, ALERT_NOT_RECYCLED, service, name, "%s", server->run.recycled.why);
	if (m->level == MEMORY_STALE)
		say(round, ALERT_MEMORY_SILENT, service, name, "%s", probe_outcome_text(m->cause));
	if (m->level != MEMORY_STALE && (m->level != MEMORY_UNKNOWN || server->conf->memory.source == MEMORY_NONE))
		return;
	book_keep(round->book, ALERT_MEMORY_LOW, service, name);
	book_keep(round->book, ALERT_MEMORY_HARD, service, name);
	if (m->level == MEMORY_UNKNOWN)
		book_keep(round->book, ALERT_MEMORY_SILENT, service, name);
}

static void hop(const struct round *round, const struct server *server, const char *service)
{
	char addr[ADDRESS_TEXT_SIZE];

	if (server->run.hop == HOP_FAILED || server->run.hop == HOP_LOCAL)
		say(round, ALERT_NO_NEXT_HOP, service, server->conf->name, "%s%s",
		    address_format(&server->conf->addr, addr),
		    server->run.hop == HOP_LOCAL ? " is an address of the balancer itself" : "");
	if (server->run.hop == HOP_UNKNOWN)
		book_keep(round->book, ALERT_NO_NEXT_HOP, service, server->conf->name);
}

/* What the lease's own clock has said: both are remembered over a restart. */
static void announced(const struct round *round, const struct order *order)
{
	if (order->warned)
		say(round, ALERT_ORDER_ENDS, order->service, order->server, "ordered by %s: %s", order->owner,
		    order->reason);
	if (order->reminders && lease_holds_out(order))
		say(round, ALERT_ORDER_ENDLESS, order->service, order->server, "for %u h, ordered by %s: %s",
		    order->reminders, order->owner, order->reason);
}

static void orders(const struct round *round, const struct server *server, const char *service)
{
	const struct state *state = round->agent->state;
	const struct pool_member_run *pool = &server->run.pool;
	const char *name = server->conf->name;
	bool ordered = false;

	for (size_t i = 0; i < state->n_orders; i++) {
		const struct order *order = &state->orders[i];

		if (order->pending || strcmp(order->server, name) || strcmp(order->service, service))
			continue;
		ordered = true;
		if (order->overdue)
			say(round, ALERT_ORDER_OVERDUE, service, name, "ordered by %s: %s", order->owner,
			    order->reason);
		else if (!order->suspended)
			announced(round, order);
	}
	/* A backup that stands by, a hold after an ejection, and what has an alert of its own, is no riddle. */
	if (server->run.health.state == HEALTH_UP && !pool->effective && !ordered && server->conf->weight &&
	    pool->cause != POOL_CAUSE_STANDBY && pool->cause != POOL_CAUSE_REFUSES && pool->cause != POOL_CAUSE_HELD &&
	    pool->cause != POOL_CAUSE_MEMORY)
		say(round, ALERT_OUT_WITHOUT_ORDER, service, name, "%s", pool_cause_text(pool->cause));
}

static void ports(const struct round *round, const struct server *server, const char *service)
{
	const struct kernel_ports *p = &server->run.ports;
	int64_t reused_ms = server->run.port_reused_ms;

	if (p->n && p->in_use >= p->n - p->n / PORTS_SCARCE)
		say(round, ALERT_PORTS_SCARCE, service, server->conf->name, "%u of %u are in use", p->in_use, p->n);
	if (reused_ms && round->view->now_ms - reused_ms < LATELY_MS)
		say(round, ALERT_PORT_REUSED_EARLY, service, server->conf->name, "%u were, by now", p->reused_early);
}

static void one_service(const struct round *round, const struct service *service)
{
	const char *name = service->conf->name;
	bool serving = false, known = true;

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *server = &service->servers[i];

		health(round, server, name);
		packets(round, server, name);
		memory(round, server, name);
		hop(round, server, name);
		orders(round, server, name);
		ports(round, server, name);
		serving |= server->run.pool.effective > 0;
		known &= server->run.health.state != HEALTH_UNKNOWN;
	}
	if (service->run.pool.fail_open)
		say(round, ALERT_FAIL_OPEN, name, "", "%s", pool_cause_text(POOL_CAUSE_FAIL_OPEN));
	if (service->run.pool.suspect)
		say(round, ALERT_OBSERVER_SUSPECT, name, "", "%s", pool_cause_text(POOL_CAUSE_SUSPECT));
	if (service->run.signals.alike)
		say(round, ALERT_SERVICE_ERRS, name, "", "%u %% of all its responses", service->run.signals.error_pct);
	if (!serving && known)
		say(round, ALERT_NOBODY_SERVES, name, "", "%zu servers are declared", service->n_servers);
	if (!known)
		book_keep(round->book, ALERT_NOBODY_SERVES, name, "");
}

static void interfaces(const struct round *round)
{
	const struct config *config = round->view->config;
	struct attach_report reports[INTERFACES_MOST];
	size_t n = MIN(kernel_interfaces(round->agent->kernel, reports, INTERFACES_MOST), (size_t)INTERFACES_MOST);

	for (size_t i = 0; i < config->n_interfaces; i++) {
		bool carried = false;

		for (size_t k = 0; k < n; k++)
			carried |= !strcmp(reports[k].ifname, config->interfaces[i].name) && reports[k].program_id;
		if (!carried)
			say(round, ALERT_NOT_ATTACHED, "", config->interfaces[i].name, "it is in the configuration");
	}
}

/* What a command took out, over restarts too: the incident's first step must not be silent. */
static void removals(const struct round *round)
{
	const struct state *state = round->agent->state;

	for (size_t i = 0; i < state->n_overlays; i++) {
		const struct overlay *overlay = &state->overlays[i];

		if (overlay->remove && !model_server(round->agent->model, overlay->service, overlay->server))
			say(round, ALERT_REMOVED, overlay->service, overlay->server, "by %s", overlay->owner);
	}
}

static void receivers(const struct round *round)
{
	const struct config *config = round->view->config;

	for (size_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_run *run = book_run(round->book, config->receivers[i].name);

		if (run->failures >= FAILURES_IN_ROW)
			say(round, ALERT_RECEIVER_FAILING, "", run->name, "%s", run->fault);
		/* Failures are not counted over a restart: only a delivery shows that it is well. */
		else if (run->failures || !run->delivered)
			book_keep(round->book, ALERT_RECEIVER_FAILING, "", run->name);
	}
}

/* What the audit finds that no other alert says. */
static void audited(const struct round *round)
{
	const struct audit_finding *findings;
	size_t n;

	findings = audit_findings(round->agent->auditor.audit, &n);
	for (size_t i = 0; i < n; i++) {
		const struct audit_finding *finding = &findings[i];

		if (finding->kind == AUDIT_STRAY || finding->kind == AUDIT_EDITED || finding->kind == AUDIT_FOUGHT ||
		    finding->kind == AUDIT_LEFT || finding->kind == AUDIT_FOREIGN || finding->kind == AUDIT_UNSHARED)
			say(round, ALERT_UNDECLARED, finding->service, finding->server, "%s (%.120s)",
			    audit_meaning(finding->kind), finding->text);
	}
}

void alerts_standing(struct agent *agent, struct book *book, const struct book_view *view)
{
	const struct round round = {agent, book, view};
	int error = writer_error(agent->writer);

	for (size_t i = 0; i < agent->model->n_services; i++)
		one_service(&round, &agent->model->services[i]);
	if (!view->config->protections)
		say(&round, ALERT_UNPROTECTED, "", view->config->file, "protections: off");
	interfaces(&round);
	removals(&round);
	receivers(&round);
	audited(&round);
	if (agent->pending)
		say(&round, agent->pending_reload ? ALERT_RELOAD_REFUSED : ALERT_CONFIG_PENDING, "", agent->file, "%s",
		    agent->pending);
	if (error)
		say(&round, ALERT_STORAGE, "", view->config->state_dir, "%s", strerror(abs(error)));
}
