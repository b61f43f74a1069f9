// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything that is wrong, a sentence each: what, since when, and what to do. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

#include "../address.h"

#define PORTS_SCARCE 10               /* less than one in so many is left */
#define LATELY_MS    (10 * 60 * 1000) /* what is older is over */

static void say(json_t *out, const char *format, ...) _printf_(2, 3);
static void say(json_t *out, const char *format, ...)
{
	char line[640];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	json_array_append_new(out, status_text(line));
}

/* An interface that the configuration lists, and that balances nothing. */
static void not_carried(const struct status_input *in, const char *name, json_t *out)
{
	for (size_t i = 0; i < in->n_interfaces; i++)
		if (!strcmp(in->interfaces[i].ifname, name))
			return;
	say(out,
	    "%s is configured, but carries no program, so packets that come in by it are not balanced: muster attach "
	    "%s",
	    name, name);
}

/* Servers that the file declares and a command removed: the incident's first step must not be silent. */
static void removals(const struct status_input *in, json_t *out)
{
	for (size_t i = 0; in->state && i < in->state->n_overlays; i++) {
		const struct overlay *overlay = &in->state->overlays[i];

		if (overlay->remove && !model_server(in->model, overlay->service, overlay->server))
			say(out,
			    "%s/%s was removed by %s, %ld min ago, and the file may still declare it: muster add, or "
			    "take "
			    "it out of the file",
			    overlay->service, overlay->server, overlay->owner,
			    (long)(MAX(in->clock->wall_ms - overlay->wall_ms, 0) / 60000));
	}
}

static void generic(const struct attach_report *r, json_t *out)
{
	static const char mode[] = "generic mode";

	/* The report's own sentence names the mode, why native was refused, and what to run. */
	if (strncmp(r->text, mode, strlen(mode)) == 0)
		say(out, "%s runs in %s", r->ifname, r->text);
	else
		say(out, "%s runs in generic mode, which is slower: %s", r->ifname,
		    r->text[0] ? r->text : "its driver has no native XDP");
}

static void interfaces(const struct status_input *in, json_t *out)
{
	bool any = false;

	for (size_t i = 0; i < in->n_interfaces; i++) {
		const struct attach_report *r = &in->interfaces[i];

		any |= r->program_id != 0;
		if (r->program_id == 0)
			say(out, "%s does not carry the program: %s%s", r->ifname,
			    r->text[0] ? r->text : "attach it with: muster attach ", r->text[0] ? "" : r->ifname);
		else if (!r->native && r->wanted != ATTACH_GENERIC)
			generic(r, out);
	}
	for (size_t i = 0; in->ready && i < in->model->config->n_interfaces; i++)
		not_carried(in, in->model->config->interfaces[i].name, out);
	if (!any)
		say(out, "no interface carries the program, so no packet is balanced: muster attach DEV");
}

static void storage(const struct status_input *in, json_t *out)
{
	const struct config *config = in->model->config;
	const char *dir = config && config->state_dir ? config->state_dir : "the state folder";

	if (in->writer_error)
		say(out,
		    "writing to %s failed: %s; orders that take a server out are refused until it can be written "
		    "again: look at its space and rights",
		    dir, strerror(abs(in->writer_error)));
	if (in->writer_busy_ms >= 1000)
		say(out, "the disk under %s has been busy for %d s: orders wait for it", dir,
		    (int)(in->writer_busy_ms / 1000));
}

/* What an egress interface has against a packet, and what helps. */
static void failure_text(const struct kernel_failure *f, const char *name, char *text, size_t n)
{
	switch (-f->error) {
	case 0:
		snprintf(text, n, "its transmit queue had no room: longer rings (ethtool -G %s tx N) or less traffic",
			 name);
		break;
	case EOPNOTSUPP:
	case ENXIO:
		if (f->veth)
			snprintf(text, n, "its other end does not take XDP frames; there run: ethtool -K PEER gro on");
		else
			snprintf(text, n,
				 "it does not take XDP frames; many drivers do once they carry a program: muster "
				 "attach %s",
				 name);
		break;
	case ENETDOWN:
		snprintf(text, n, "it is down: ip link set dev %s up", name);
		break;
	case EMSGSIZE:
		snprintf(text, n, "they are larger than its MTU: ip link set dev %s mtu N", name);
		break;
	default:
		snprintf(text, n, "%s", strerror(-f->error));
	}
}

static void failures(const struct status_input *in, json_t *out)
{
	uint64_t total = in->counters->verdict[MUSTER_VERDICT_EGRESS_FAILED], told = 0;

	for (size_t i = 0; i < in->counters->n_failures; i++) {
		const struct kernel_failure *f = &in->counters->failure[i];
		char text[160];

		told += f->packets;
		if (!f->ifname[0]) {
			say(out,
			    "%llu packets, the last %s ago, were for interface number %u, which is gone or in another "
			    "network namespace",
			    (unsigned long long)f->packets, status_ago(in, f->last_ms), f->ifindex);
			continue;
		}
		failure_text(f, f->ifname, text, sizeof(text));
		say(out, "%llu packets, the last %s ago, were refused by their egress interface %s: %s",
		    (unsigned long long)f->packets, status_ago(in, f->last_ms), f->ifname, text);
	}
	if (total > told)
		say(out,
		    "%llu packets were refused by their egress interface before this musterd started, or by one that "
		    "it has forgotten",
		    (unsigned long long)(total - told));
}

/* The sender's interface has a name of its own, that nobody here knows; the way to it has one here. */
static void bad_checksums(const struct status_input *in, uint64_t n, json_t *out)
{
	const struct status_sender *sender = &in->bad_checksum;
	char addr[ADDRESS_TEXT_SIZE], who[ADDRESS_TEXT_SIZE + IF_NAMESIZE + 32] = "";

	if (sender->ifname[0])
		snprintf(who, sizeof(who), ", the last from %s by %s", address_format(&sender->addr, addr),
			 sender->ifname);
	say(out,
	    "%llu SYN packets had a wrong checksum and were dropped%s: their sender leaves checksums to hardware that "
	    "is "
	    "not there; there run `ethtool -K INTERFACE tx off` for the interface that leads to %s",
	    (unsigned long long)n, who, sender->ifname[0] ? sender->ifname : "this host");
}

static void packets(const struct status_input *in, json_t *out)
{
	const uint64_t *v;

	if (!in->counters)
		return;
	v = in->counters->verdict;
	if (v[MUSTER_VERDICT_BAD_CHECKSUM])
		bad_checksums(in, v[MUSTER_VERDICT_BAD_CHECKSUM], out);
	if (in->no_port_ms && in->clock->now_ms - in->no_port_ms < LATELY_MS)
		say(out,
		    "%llu packets found no source port toward their server, the last %s ago, and were dropped: give "
		    "the service more source addresses",
		    (unsigned long long)v[MUSTER_VERDICT_NO_PORT], status_ago(in, in->no_port_ms));
	failures(in, out);
	if (v[MUSTER_VERDICT_NONE])
		say(out, "%llu packets left the program without a verdict: a fault in the program, please report it",
		    (unsigned long long)v[MUSTER_VERDICT_NONE]);
}

static void pool(const struct status_input *in, const struct service *service, json_t *out)
{
	const struct pool_run *run = &service->run.pool;
	const char *name = service->conf->name;
	bool serving = false;

	for (size_t i = 0; i < service->n_servers; i++)
		serving |= service->servers[i].run.pool.effective > 0;
	if (service->n_servers == 0)
		say(out, "%s has no server: muster add NAME --service %s --address ADDRESS", name, name);
	else if (!serving)
		say(out, "%s serves nobody: no server of it may be picked", name);
	if (run->fail_open)
		say(out, "%s is fail-open for %s: %s", name, status_ago(in, run->fail_open_since_ms),
		    pool_cause_text(POOL_CAUSE_FAIL_OPEN));
	if (service->run.signals.alike)
		say(out,
		    "%s answers %u %% of all requests with 5xx for %s, and no server of it stands out: the "
		    "application's own",
		    name, service->run.signals.error_pct, status_ago(in, service->run.signals.since_ms));
	if (run->tier)
		say(out, "%s: its backups of tier %u stand in: the servers before them are too few or fall short", name,
		    run->tier);
	if (run->suspect)
		say(out, "%s: for %s %s; look at the balancer's own network and load", name,
		    status_ago(in, run->suspect_since_ms), pool_cause_text(POOL_CAUSE_SUSPECT));
}

static void signals(const struct status_input *in, const struct server *server, const char *service, json_t *out)
{
	const struct signals *s = &server->run.signals;
	const char *name = server->conf->name;

	if (s->refusal != SIGNALS_ANSWERS)
		say(out, "%s/%s refuses its clients' connections for %s%s", service, name, status_ago(in, s->since_ms),
		    s->refusal == SIGNALS_CONFIRMED ? ", and a check's" : "");
	if (s->erring)
		say(out,
		    "%s/%s answers %u %% of its requests with 5xx for %s, the rest of its pool %u %%: its weight is at "
		    "its floor",
		    service, name, s->error_pct, status_ago(in, s->erring_since_ms), s->rest_pct);
}

static void hop(const struct server *server, const char *service, json_t *out)
{
	const char *name = server->conf->name;
	char addr[ADDRESS_TEXT_SIZE];

	address_format(&server->conf->addr, addr);
	if (server->run.hop == HOP_FAILED)
		say(out,
		    "%s/%s: nobody answers for its next hop, so packets to %s are dropped: look at the link, the route "
		    "and the address",
		    service, name, addr);
	else if (server->run.hop == HOP_UNKNOWN)
		say(out, "%s/%s: the next hop to %s is not resolved yet", service, name, addr);
	else if (server->run.hop == HOP_LOCAL)
		say(out, "%s/%s: %s is an address of the balancer itself, which cannot serve: give another", service,
		    name, addr);
}

static void memory(const struct status_input *in, const struct server *server, const char *service, json_t *out)
{
	const struct memory *m = &server->run.memory;
	const char *name = server->conf->name;

	if (m->level == MEMORY_STALE)
		say(out, "%s/%s: its memory source is silent for %s (%s) and has stopped counting", service, name,
		    status_ago(in, m->read_ms ? m->read_ms : m->since_ms), probe_outcome_text(m->cause));
	else if (m->level == MEMORY_HARD || m->level == MEMORY_LOW)
		say(out, "%s/%s is short of memory for %s: %.1f %% available, its weight is %g of %u", service, name,
		    status_ago(in, m->since_ms), m->available_permille / 10.0, server->run.pool.effective / 100.0,
		    server->conf->weight);
}

static void forecast(const struct status_input *in, const struct server *server, const char *service, json_t *out)
{
	const struct forecast *f = &server->run.forecast;
	char left[FORECAST_TEXT_SIZE];

	if (f->warned)
		say(out,
		    "%s/%s out of memory in about %s at this rate: %.1f %% available; find what fills it, or take it "
		    "out "
		    "and restart what serves there: muster drain %s",
		    service, server->conf->name, forecast_left_text(f, in->clock->now_ms, left, sizeof(left)),
		    server->run.memory.available_permille / 10.0, server->conf->name);
}

/* Source ports toward a server that are scarce, or go from one client to the next too soon. */
static void ports(const struct status_input *in, const struct server *server, const char *service, json_t *out)
{
	const struct kernel_ports *p = &server->run.ports;
	const char *name = server->conf->name;

	if (p->n && p->in_use >= p->n)
		say(out,
		    "%s/%s: all %u source ports toward it are in use, so new flows to it are dropped: give %s more "
		    "source addresses",
		    service, name, p->n, service);
	else if (p->n && p->in_use >= p->n / PORTS_SCARCE * (PORTS_SCARCE - 1))
		say(out, "%s/%s: %u of %u source ports toward it are in use: give %s more source addresses", service,
		    name, p->in_use, p->n, service);
	if (server->run.port_reused_ms && in->clock->now_ms - server->run.port_reused_ms < LATELY_MS)
		say(out,
		    "%s/%s: source ports went to another client before the server can have forgotten the one before, "
		    "the last %s ago, so some connections wait a second: give %s more source addresses",
		    service, name, status_ago(in, server->run.port_reused_ms), service);
}

/* What orders on a server ask attention for. Returns whether one acts. */
static bool orders(const struct status_input *in, const struct server *server, json_t *out)
{
	const char *service = server->service->conf->name, *name = server->conf->name;
	const struct order *order;
	bool acts = false;
	size_t from = 0;

	while ((order = status_order_of(in, server, &from))) {
		const char *kind = status_order_kind(order);
		bool over = lease_left_ms(order, in->clock, in->state->wall_saved_ms) <= 0;

		acts |= !order->pending && !order->suspended;
		if (order->suspended)
			say(out,
			    "%s/%s: its %s by %s (\"%s\") was recalled, for %s; muster return %s ends it, and who "
			    "still wants the server out says so again",
			    service, name, kind, order->owner, order->reason, order->suspended_why, name);
		else if (order->overdue || (over && !order->pending && lease_holds_out(order)))
			say(out,
			    "%s/%s: its %s by %s (\"%s\") is overdue: it has ended, but the server is not healthy, so "
			    "it stays out; repair it, or: muster return %s",
			    service, name, kind, order->owner, order->reason, name);
		else if (lease_endless(order) && lease_holds_out(order))
			say(out, "%s/%s is out without an end, by %s (\"%s\"): muster return %s", service, name,
			    order->owner, order->reason, name);
	}
	return acts;
}

static bool in_maintenance(const struct status_input *in, const struct server *server)
{
	const struct order *acting = status_acting(in, server);

	return acting && acting->kind == ORDER_MAINTENANCE && !acting->overdue;
}

static void one_server(const struct status_input *in, const struct server *server, json_t *out)
{
	const char *service = server->service->conf->name, *name = server->conf->name;
	const struct health *h = &server->run.health;
	bool ordered = orders(in, server, out);

	/* Who works on a server knows that it is down. */
	if (h->state == HEALTH_DOWN && !in_maintenance(in, server))
		say(out, "%s/%s is down for %s: %s", service, name, status_ago(in, h->since_ms),
		    h->detail[0] ? h->detail : probe_outcome_text(h->cause));
	if (h->state == HEALTH_SLOW)
		say(out, "%s/%s is slow for %s: %s", service, name, status_ago(in, h->since_ms),
		    h->detail[0] ? h->detail : probe_outcome_text(h->cause));
	signals(in, server, service, out);
	if (h->state == HEALTH_UP && server->run.pool.effective == 0 && server->run.pool.cause != POOL_CAUSE_REFUSES &&
	    server->run.pool.cause != POOL_CAUSE_STANDBY && !ordered && server->conf->weight > 0)
		say(out, "%s/%s is healthy but gets no new flow for %s, and no order says so: %s", service, name,
		    status_ago(in, server->run.pool.cause_since_ms), pool_cause_text(server->run.pool.cause));
	memory(in, server, service, out);
	forecast(in, server, service, out);
	ports(in, server, service, out);
	hop(server, service, out);
}

json_t *status_attention(const struct status_input *in, const struct server *only)
{
	json_t *out = json_array();

	if (only) {
		one_server(in, only, out);
		return out;
	}
	interfaces(in, out);
	storage(in, out);
	removals(in, out);
	if (!in->model->config->protections)
		say(out,
		    "protections are off in %s: a plain balancer, which recalls, refuses, repairs and weighs nothing; "
		    "write protections: on there, and muster reload",
		    in->model->config->file);
	if (in->config_attention)
		say(out, "%s", in->config_attention);
	for (size_t i = 0; i < in->model->n_services; i++) {
		const struct service *service = &in->model->services[i];

		pool(in, service, out);
		for (size_t k = 0; k < service->n_servers; k++)
			one_server(in, &service->servers[k], out);
	}
	packets(in, out);
	return out;
}
