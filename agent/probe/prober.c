// SPDX-License-Identifier: GPL-2.0-or-later
/* The set of probes: who is asked, and when each starts. */
#include "probe.h"

#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "../address.h"
#include "../log.h"
#include "attempt.h"
#include "fd_limit.h"
#include "lateness.h"
#include "schedule.h"

struct probe {
	struct prober *prober;
	struct probe_spec spec;
	struct timer start; /* set all the time */
	int64_t due_us;     /* of the start that comes, or of the last while it is under way */
	int64_t started_us; /* of the last start; 0: none yet */
	bool running;
	bool fast;
	bool changed; /* the attempt does not know the spec yet */
	bool hurried; /* its first start came by hurry, not at a random phase */
	struct attempt attempt;
};

struct prober {
	struct attempt_io io;
	struct probe **probes; /* sorted by kind and id */
	size_t n;
	probe_done_fn done;
	void *context;
	uint64_t random;
	struct lateness lateness;
};

static void on_start(struct timer *timer, void *context);

static void schedule(struct probe *probe, int64_t due_us)
{
	probe->due_us = due_us;
	timer_set(&probe->prober->io.timers, &probe->start, due_us, on_start, probe);
}

/* The one end of every probe. The caller of the prober may make a new set here: the probe is not touched after. */
static void on_end(struct attempt *attempt, void *context)
{
	struct probe *probe = context;
	struct prober *prober = probe->prober;
	struct probe_result result = attempt->result;

	result.id = probe->spec.id;
	result.kind = probe->spec.kind;
	result.started_ms = probe->started_us / 1000;
	result.duration_ms = (int32_t)((timers_now_us() - probe->started_us) / 1000);
	probe->running = false;
	prober->done(prober->context, &result);
}

static void start(struct probe *probe, int64_t now_us)
{
	int32_t late_ms = (int32_t)MIN((now_us - probe->due_us) / 1000, (int64_t)INT32_MAX);
	struct prober *prober = probe->prober;
	int r = 0;

	lateness_add(&prober->lateness, late_ms, now_us / 1000);
	if (probe->hurried)
		schedule(probe, schedule_first_us(&probe->spec, now_us, &prober->random));
	else
		schedule(probe, schedule_next_us(&probe->spec, probe->fast, probe->due_us, now_us, &prober->random));
	probe->hurried = false;
	probe->started_us = now_us;
	probe->running = true;
	probe->attempt.result.late_ms = late_ms;
	if (probe->changed)
		r = attempt_set(&probe->attempt, &prober->io, &probe->spec);
	probe->changed = r < 0;
	if (r < 0) {
		probe->attempt.result.outcome = PROBE_LOCAL;
		snprintf(probe->attempt.result.detail, sizeof(probe->attempt.result.detail),
			 "the request cannot be made: %s",
			 r == -EINVAL ? "host and path are too long together" : strerror(-r));
		on_end(&probe->attempt, probe);
		return;
	}
	attempt_start(&probe->attempt, on_end, probe);
}

static void on_start(struct timer *timer, void *context)
{
	struct probe *probe = context;
	int64_t now_us = timers_now_us();

	(void)timer;
	/* A probe never overlaps itself: this turn of it is left out. */
	if (probe->running)
		schedule(probe,
			 schedule_next_us(&probe->spec, probe->fast, probe->due_us, now_us, &probe->prober->random));
	else
		start(probe, now_us);
}

static int spec_order(const struct probe_spec *a, const struct probe_spec *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_key(const void *a, const void *b)
{
	return spec_order(*(const struct probe_spec *const *)a, *(const struct probe_spec *const *)b);
}

static struct probe *find(const struct prober *prober, enum probe_kind kind, uint32_t id)
{
	struct probe_spec key = {.kind = kind, .id = id};
	size_t low = 0, high = prober->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = spec_order(&key, &prober->probes[middle]->spec);

		if (!order)
			return prober->probes[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void probe_free(struct probe *probe)
{
	timer_unset(&probe->prober->io.timers, &probe->start);
	attempt_clear(&probe->attempt);
	free(probe);
}

static bool asks(const struct probe_spec *spec)
{
	return spec->kind == PROBE_KIND_CHECK ? spec->check && spec->check->type != CHECK_NONE
					      : spec->memory && spec->memory->source != MEMORY_NONE;
}

static bool stays(const struct probe *probe, const struct probe_spec *spec)
{
	return probe && address_equal(&probe->spec.addr, &spec->addr) && probe->spec.port == spec->port;
}

/* The specs that ask something, sorted. -EINVAL when one kind and id is there twice. */
static int sort_specs(const struct probe_spec *specs, size_t n, const struct probe_spec ***out, size_t *n_out)
{
	_cleanup_(freep) const struct probe_spec **sorted = calloc(MAX(n, (size_t)1), sizeof(*sorted));
	size_t i, kept = 0;

	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (asks(&specs[i]))
			sorted[kept++] = &specs[i];
	qsort(sorted, kept, sizeof(*sorted), by_key);
	for (i = 1; i < kept; i++)
		if (!spec_order(sorted[i - 1], sorted[i]))
			return -EINVAL;
	*out = TAKE_PTR(sorted);
	*n_out = kept;
	return 0;
}

/* One probe for each spec: those that stay, and new ones not yet scheduled (start.place 0). */
static int pick_probes(struct prober *prober, const struct probe_spec **specs, size_t n, struct probe ***out)
{
	struct probe **probes = calloc(MAX(n, (size_t)1), sizeof(struct probe *));
	size_t i;

	if (!probes)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		probes[i] = find(prober, specs[i]->kind, specs[i]->id);
		if (stays(probes[i], specs[i]))
			continue;
		probes[i] = calloc(1, sizeof(struct probe));
		if (!probes[i])
			goto fail;
		probes[i]->prober = prober;
	}
	*out = probes;
	return 0;
fail:
	while (i--)
		if (!probes[i]->start.place)
			free(probes[i]);
	free(probes);
	return -ENOMEM;
}

/* A probe that stays keeps its rhythm, unless its new interval is shorter than what it would wait still. */
static void take_spec(struct probe *probe, const struct probe_spec *spec, bool hurry, int64_t *hurry_us)
{
	struct prober *prober = probe->prober;
	bool fresh = !probe->start.place;
	int64_t now_us = timers_now_us();

	probe->spec = *spec;
	probe->changed = true;
	if (fresh && hurry) {
		probe->hurried = true;
		schedule(probe, *hurry_us);
		*hurry_us += SCHEDULE_HURRY_GAP_US;
	} else if (fresh || probe->due_us - now_us > 2 * schedule_interval_us(spec, probe->fast)) {
		schedule(probe, schedule_first_us(spec, now_us, &prober->random));
	}
}

int prober_set(struct prober *prober, const struct probe_spec *specs, size_t n, bool hurry)
{
	_cleanup_(freep) const struct probe_spec **sorted = NULL;
	int64_t hurry_us = timers_now_us();
	struct probe **probes = NULL;
	size_t i, j;
	int r;

	r = sort_specs(specs, n, &sorted, &n);
	if (r < 0)
		return r;
	r = fd_limit_ensure(n);
	if (r < 0)
		return r;
	/* A probe sets two timers, its start and its end; the old set's are still there while the new come; curl's one. */
	r = timers_reserve(&prober->io.timers, 2 * (n + prober->n) + 1);
	if (r < 0)
		return r;
	r = pick_probes(prober, sorted, n, &probes);
	if (r < 0)
		return r;

	/* From here on nothing fails. Both arrays are sorted: what the new one does not hold, goes. */
	for (i = j = 0; i < prober->n; i++) {
		while (j < n && spec_order(sorted[j], &prober->probes[i]->spec) < 0)
			j++;
		if (j == n || probes[j] != prober->probes[i])
			probe_free(prober->probes[i]);
	}
	free(prober->probes);
	prober->probes = probes;
	prober->n = n;
	for (i = 0; i < n; i++)
		take_spec(probes[i], sorted[i], hurry, &hurry_us);
	return 0;
}

void prober_set_fast(struct prober *prober, uint32_t id, bool fast)
{
	struct probe *probe = find(prober, PROBE_KIND_CHECK, id);
	int64_t next_us, now_us = timers_now_us();

	if (!probe || probe->fast == fast)
		return;
	probe->fast = fast;
	next_us = probe->started_us + schedule_interval_us(&probe->spec, true);
	if (fast && probe->started_us && next_us < probe->due_us)
		schedule(probe, MAX(next_us, now_us));
}

void prober_now(struct prober *prober, uint32_t id)
{
	struct probe *probe = find(prober, PROBE_KIND_CHECK, id);

	if (probe && !probe->running)
		schedule(probe, timers_now_us());
}

void prober_lateness(const struct prober *prober, struct prober_lateness *out)
{
	lateness_read(&prober->lateness, timers_now_us() / 1000, out);
}

int prober_new(struct prober **out, sd_event *event, probe_done_fn done, void *context)
{
	_cleanup_(prober_free) struct prober *prober = calloc(1, sizeof(*prober));
	int r;

	if (!prober)
		return -ENOMEM;
	prober->io.watch.epoll_fd = -1;
	prober->done = done;
	prober->context = context;
	if (getrandom(&prober->random, sizeof(prober->random), 0) < 0)
		prober->random = (uint64_t)timers_now_us();
	prober->random |= 1;
	/* OpenSSL writes without MSG_NOSIGNAL: a server that resets a TLS check must not end the agent. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r = timers_init(&prober->io.timers, event);
	if (r < 0)
		return r;
	r = watch_init(&prober->io.watch, event);
	if (r < 0)
		return r;
	r = timers_reserve(&prober->io.timers, 1);
	if (r < 0)
		return r;
	r = http_init(&prober->io.http, &prober->io.timers, &prober->io.watch);
	if (r < 0)
		return r;
	*out = TAKE_PTR(prober);
	return 0;
}

void prober_free(struct prober **prober_p)
{
	struct prober *prober = *prober_p;
	size_t i;

	if (!prober)
		return;
	for (i = 0; i < prober->n; i++)
		probe_free(prober->probes[i]);
	free(prober->probes);
	http_done(&prober->io.http);
	watch_done(&prober->io.watch);
	timers_done(&prober->io.timers);
	free(prober);
	*prober_p = NULL;
}
