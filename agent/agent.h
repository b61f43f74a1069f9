/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent: everything it holds, and the turns of its loop.
 *
 * The path of a probe's result: probe -> probe_done() [turn.c] -> policy -> plan -> sync -> maps. Whatever changes the
 * model calls agent_touch(); at the end of that turn of the loop the whole plan is made and synced once.
 */
#ifndef MUSTER_AGENT_H
#define MUSTER_AGENT_H

#include <stdio.h>
#include <systemd/sd-event.h>

#include "audit.h"
#include "base.h"
#include "change/kept.h"
#include "history.h"
#include "kernel/kernel.h"
#include "model.h"
#include "packets.h"
#include "policy/lease.h"
#include "probe/probe.h"
#include "report/api.h"
#include "report/journal.h"
#include "report/writer.h"
#include "state.h"

/* Interfaces that one answer lists. */
#define INTERFACES_MOST 64

struct agent {
	sd_event *event;
	sd_event_source *tick, *post, *step;
	struct writer *writer;
	struct journal *journal;
	uint64_t journal_before; /* its last line before this start */
	struct kernel *kernel;
	struct prober *prober;
	struct api *api;
	struct alerts *alerts;
	struct model *model;
	struct state *state;
	char *file;    /* configuration file */
	char *applied; /* text of the configuration in force */
	char boot_id[BOOT_ID_SIZE];
	bool touched;                /* the model changed: plan and sync at the end of this turn of the loop */
	bool begun;                  /* interfaces are attached: servers were known, or not to be waited for */
	bool stopping;               /* everything is being let go of: what still arrives changes nothing */
	bool unsaved;                /* the last save of the state failed: the tick tries again */
	unsigned saving;             /* saves on their way to the disk */
	struct kept *kept;           /* the last configurations */
	char *pending;               /* why the file waits for an operator; NULL: it does not */
	bool pending_reload;         /* since a reload; else since the start */
	bool change_saving;          /* a configuration is on its way to the disk */
	struct rehearsal *rehearsal; /* under way, or the last one; NULL: none */
	struct children *children;   /* hooks of servers that are recycled */
	uint64_t recycled;           /* times that one was begun */
	int64_t trial_since_ms;      /* of the configuration in force; 0: begun by an earlier musterd, or none */
	bool overlay_saving;         /* one change of the declared layer is on its way to the disk */
	int storage_error;           /* the writer's, as last told */
	int64_t started_wall_ms;
	int64_t wall_offset_ms; /* of the wall clock to the boot's, at the last tick */
	uint64_t ticks;
	struct kernel_counters *counters; /* of the last second */
	int64_t counters_ms;
	struct histories *histories; /* what each server carried */
	int64_t history_saved_ms;    /* wall clock */
	int64_t no_port_ms;          /* when a flow last found no source port; 0: never */
	struct packets packets;
	struct auditor auditor;
};

/* What musterd was started with. */
struct agent_options {
	const char *file;
	const char *object; /* -o: overrides the configuration's */
};

/* start.c: builds everything in the order in which it is needed; each failure is one log line. */
int agent_new(struct agent **out, const struct agent_options *options);
/* Lets go of everything; what is attached goes on forwarding. */
void agent_free(struct agent **agent);
/* Runs until SIGTERM or SIGINT. */
int agent_run(struct agent *agent);

/* agent.c */
struct lease_clock agent_clock(const struct agent *agent);
void agent_note(struct agent *agent, const struct journal_entry *entry);

/* turn.c */
void agent_touch(struct agent *agent);
/* Makes the maps equal to the plan now. -errno: not yet; it is tried again. */
int agent_turn(struct agent *agent);
/* All flows of a server end at their clients' next packet. */
void agent_reset_flows(struct agent *agent, struct server *server, const char *cause, const char *owner);
void agent_probe_done(void *context, const struct probe_result *result);
void agent_hop_changed(void *context, uint32_t server_index, enum hop_state state, const char *text);

/* tick.c: once each half second */
void agent_tick(struct agent *agent, int64_t now_ms);

/* apply.c: from a configuration's text to a model and its probes. Faults go to `faults`, one line each. */
int agent_read(const struct agent *agent, const char *file, const char *text, FILE *faults, struct config **out);
int agent_apply(struct agent *agent, const char *text, FILE *faults);
int agent_attach_interfaces(struct agent *agent);
/* Attaches the interfaces once the servers are known; called each tick until then. */
void agent_begin(struct agent *agent);
int agent_read_file(const char *path, char **out);
/* Which boot of the host this is; left alone where the kernel does not say. */
void agent_boot_id(char out[static BOOT_ID_SIZE]);

#endif
