/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes: what the agent asks the servers, on the loop, none waiting for another. Every probe, however it
 * ends, ends in the one call of probe_done_fn.
 */
#ifndef MUSTER_PROBE_H
#define MUSTER_PROBE_H

#include <systemd/sd-event.h>
#include <muster/maps.h>

#include "../base.h"
#include "../config.h"
#include "outcome.h"

enum probe_kind { PROBE_KIND_CHECK, PROBE_KIND_MEMORY };

/* One thing to ask again and again. `check` or `memory` (by kind) must outlive the spec's stay in the prober. */
struct probe_spec {
	uint32_t id; /* the caller's; with kind it names the probe */
	enum probe_kind kind;
	struct muster_addr addr;
	uint16_t port; /* host order, never 0 */
	const struct check_conf *check;
	const struct memory_conf *memory;
};

/* What a memory source said. A field that it did not give is negative. */
struct memory_reading {
	int64_t total_bytes;
	int64_t available_bytes;
	double psi_some_s; /* seconds waited so far, node_pressure_memory_waiting_seconds_total */
	double psi_full_s;
	int64_t oom_kills;
	/* agent-check's words */
	int weight_pct; /* 0 to 256, or -1 */
	int health;     /* enum agent_health, or -1 */
	int admin;      /* enum agent_admin, or -1 */
	char text[128]; /* what followed '#', and unknown words */
};
enum agent_health { AGENT_UP, AGENT_DOWN, AGENT_STOPPED, AGENT_FAIL };
enum agent_admin { AGENT_READY, AGENT_DRAIN, AGENT_MAINT };

struct probe_result {
	uint32_t id;
	enum probe_kind kind;
	enum probe_outcome outcome;
	int http_status;    /* 0: none */
	int64_t started_ms; /* CLOCK_BOOTTIME */
	int32_t late_ms;    /* how much after its time it started */
	int32_t duration_ms;
	char detail[160];             /* for people: "HTTP 503, wanted 200-399" */
	struct memory_reading memory; /* kind MEMORY, outcome OK */
};

/* Called on the loop, once for every probe that ended. Must not free the prober. */
typedef void (*probe_done_fn)(void *context, const struct probe_result *result);

struct prober;

int prober_new(struct prober **out, sd_event *event, probe_done_fn done, void *context);
void prober_free(struct prober **prober);

/*
 * Makes `specs` the whole set of probes. A probe whose (kind, id) and address stay goes on undisturbed and takes
 * the new configuration at its next start; a new one starts at a random point of its first interval, but its
 * very first start is at once when `hurry` (the agent knows nothing of that server yet). -EMFILE, with a log line
 * that says the limit and the need, when the fd limit is too low for the set.
 */
int prober_set(struct prober *prober, const struct probe_spec *specs, size_t n, bool hurry);

/* The check of `id` runs at its fast interval while on. */
void prober_set_fast(struct prober *prober, uint32_t id, bool fast);
/* One extra check of `id` now, unless one is under way. */
void prober_now(struct prober *prober, uint32_t id);

/* How late probes started, over the last 60 s or so. */
struct prober_lateness {
	uint64_t started;
	int32_t p50_ms, p99_ms, max_ms;
};
void prober_lateness(const struct prober *prober, struct prober_lateness *out);

#endif
