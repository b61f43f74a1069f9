/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side, as the rest of the agent sees it: pinned maps, attached programs, neighbours, counters. This
 * folder alone includes libbpf and libmnl.
 */
#ifndef MUSTER_KERNEL_H
#define MUSTER_KERNEL_H

#include <net/if.h>
#include <systemd/sd-event.h>
#include <muster/event.h>
#include <muster/flow.h>
#include <muster/maps.h>
#include <muster/verdict.h>

#include "../base.h"
#include "../config.h"
#include "../plan.h"
#include "attach.h"

struct kernel;

enum hop_state { HOP_UNKNOWN, HOP_GOOD, HOP_FAILED, HOP_LOCAL /* the address is the host's own */ };

/* What the kernel folder tells by itself; all on the loop. */
struct kernel_handlers {
	void *context;
	/*
	 * A server's next hop became good, failed (no route, or the neighbour is silent), or turned out to be the balancer
	 * itself. Never called from inside a call of the agent's. A call for kernel_sync(): which slots may be written can
	 * have changed.
	 */
	void (*hop_changed)(void *context, uint32_t server_index, enum hop_state state, const char *text);
	void (*event)(void *context, const struct muster_event *event);
	/*
	 * An interface of ours lost its program, got another, went down, came back or is gone; or one got a program that
	 * may not be looked at without CAP_SYS_ADMIN. text says which.
	 */
	void (*link_changed)(void *context, const char *ifname, const char *text);
};

struct kernel_conf {
	const char *object; /* muster.bpf.o, loaded when no maps of ours are pinned yet */
	const char *pins;   /* folder; made, and the bpf filesystem mounted, where missing */
};

/*
 * Opens the pinned maps, or makes them by loading the object; adopts maps of programs that are already attached.
 * Takes the lock that keeps a second agent off the same pins. On failure `why` (size n) says what differs, and the
 * command to run; -EBUSY: another musterd holds the pins (its pid is said); -EPROTO: an incompatible ABI; -EEXIST: an
 * interface carries a Muster program over other maps.
 * Needs CAP_SYS_ADMIN; everything after it does with CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and CAP_PERFMON. A program that
 * somebody else attaches after privileges were dropped cannot be recognised any more: link_changed says so.
 */
int kernel_open(struct kernel **out, const struct kernel_conf *conf, sd_event *event,
		const struct kernel_handlers *handlers, char *why, size_t n);
void kernel_close(struct kernel **kernel);

/* What the maps hold now, for adoption: only used records; owned by the caller. */
struct kernel_snapshot {
	struct plan_service *services; /* with their slots */
	size_t n_services;
	struct plan_server *servers; /* hop included */
	size_t n_servers;
	uint32_t generation[MUSTER_MAX_SERVERS]; /* of every record, used or free */
};
int kernel_snapshot(struct kernel *kernel, struct kernel_snapshot **out);
void kernel_snapshot_free(struct kernel_snapshot **snapshot);

/* What somebody else wrote into the maps, as a sync found it (edits.h). */
enum kernel_edit_kind { EDIT_SERVER, EDIT_SERVICE, EDIT_PICKS, EDIT_ADDRESSES, EDIT_CONFIG };

struct kernel_edit {
	enum kernel_edit_kind kind;
	uint32_t index;  /* of the server or service; 0 where there is none */
	bool takes_out;  /* EDIT_PICKS: it took a server out */
	bool left_alone; /* the third within a minute, or the plan keeps edits: not repaired for a while */
};
#define SYNC_EDITS 16 /* told by one sync; more are repaired all the same */

struct sync_report {
	uint32_t added, removed, changed;
	struct kernel_edit edit[SYNC_EDITS];
	size_t n_edits;
};
/*
 * Makes the maps equal to the plan: reads the kernel, applies only the difference in the safe order (configuration,
 * servers, services, picks, addresses; then removal). Twice is once: the second call reports 0, 0, 0. Starts to resolve
 * hops of new servers. Who fills what:
 *  - the plan: generation, state, weights, names; a hop in it is ignored, and the hop in the kernel is kept;
 *  - config.timeout[] and hop_stale are MILLISECONDS in the plan, and become beats and ticks here (hop_stale 0: 60 s);
 *  - config.secret, table and bucket_mask[] are the kernel's own; abi and ticks_per_s are filled in; ports, when both counts are 0,
 *    become the two ranges above 1023 outside net.ipv4.ip_local_port_range;
 *  - record.sources 0: the source address of the host's route to the server, as soon as there is one; while there is none
 *    any more, the last one stays;
 *  - a slot whose server has the host's own address, or in fullnat, ipip and gue no source yet, is left out of the table;
 *    in one that is used by hash (picks.h) it goes to the next slot's server, so that the others keep their places;
 *  - a source address keeps its index; one that goes raises the generation beyond the plan's, which ends its flows;
 *  - the flow table gets the size for plan.flows: growing and shrinking go on by themselves, flows are kept;
 *  - a server in fullnat has its source ports before it is in any table;
 *  - a freed server record keeps its generation plus one: whoever gets the record starts above that, and counts from zero.
 * Hops are not counted in the report. Idle it costs about 1 ms with 4,096 servers; a swap of picks waits for an RCU grace
 * period (some 10 ms), once for all services. -ERANGE: an index or a slot is out of range.
 */
int kernel_sync(struct kernel *kernel, const struct plan *plan, struct sync_report *out);

/* Turns that the program took from the service's table now in place. */
uint64_t kernel_turns(struct kernel *kernel, uint32_t service_index);

/*
 * The service's table now in place, server indices, to be freed by the caller; what kernel_sync() left out is not in it.
 * None: 0 slots. 0 or -errno.
 */
int kernel_picks(struct kernel *kernel, uint32_t service_index, uint32_t **slots, uint32_t *n_slots);

/* The program on an interface: attach, take away, and what is there. Adopts a program of ours that is there already. */
int kernel_attach(struct kernel *kernel, const char *ifname, enum attach_mode mode, struct attach_report *out);
int kernel_detach(struct kernel *kernel, const char *ifname, struct attach_report *out);
/* upgrade_devices() by this agent; object NULL: its own. What was upgraded to is what it attaches from then on. */
int kernel_upgrade(struct kernel *kernel, const char *object, struct attach_report *reports, size_t *n_reports,
		   char *why, size_t n);
/* Interfaces that carry our program now. Returns how many, at most n written. */
size_t kernel_interfaces(struct kernel *kernel, struct attach_report *out, size_t n);

/* The id of a program on the interface that is not ours; 0: there is none. */
uint32_t kernel_other_program(struct kernel *kernel, const char *ifname);

enum hop_state kernel_hop(struct kernel *kernel, uint32_t server_index, struct muster_hop *out);

/* Packets of ours that an egress interface did not take, by interface and reason, since kernel_count_failures(). */
struct kernel_failure {
	char ifname[IF_NAMESIZE]; /* "": gone, or of another network namespace */
	uint32_t ifindex;
	int error; /* -errno; 0: no room in its transmit queue or ring */
	bool veth;
	uint64_t packets;
	int64_t last_ms; /* CLOCK_BOOTTIME */
};
#define KERNEL_FAILURES 8
/*
 * Begins to count them, once. It reads all types of the running kernel, a tenth of a second's work: for when everything else is
 * in place. Failing is a line in the log, and no more.
 */
void kernel_count_failures(struct kernel *kernel);

/* Source ports toward one server, in fullnat. */
struct kernel_ports {
	uint32_t n; /* 0: none are needed */
	uint32_t in_use;
	uint32_t reused_early; /* that another client got within the closing timeout: its SYN may meet a TIME_WAIT */
};

struct kernel_counters {
	uint64_t verdict[MUSTER_VERDICTS_N];
	struct muster_stats service[MUSTER_MAX_SERVICES];
	struct muster_stats server[MUSTER_MAX_SERVERS];
	struct kernel_ports ports[MUSTER_MAX_SERVERS];
	struct kernel_failure failure[KERNEL_FAILURES]; /* the latest first */
	size_t n_failures;
};
/* Sums over the CPUs. Only records in use are filled. */
int kernel_counters(struct kernel *kernel, struct kernel_counters *out);

/* One server's alone, of this moment. */
int kernel_server_stats(struct kernel *kernel, uint32_t server_index, struct muster_stats *out);
/* What its own packets said, summed over the CPUs. `out` is left alone on failure. */
int kernel_signals(struct kernel *kernel, uint32_t server_index, struct muster_signals *out);

/*
 * Live flows of a server by the scan that runs in small steps on the loop (a full round every 2 s or so). It also frees the
 * flows whose time is over.
 */
uint32_t kernel_live_flows(struct kernel *kernel, uint32_t server_index);

/* A live flow, as its client and its server know it. */
struct kernel_flow {
	struct muster_tuple asked; /* of the client's packets: to the service */
	struct muster_tuple seen;  /* of the same packets at the server */
	uint32_t service, server;  /* indices */
	enum muster_flow_state state;
	uint32_t idle_s;
};
/* Calls `each` for live flows until it returns false. */
typedef bool (*kernel_flow_fn)(void *context, const struct kernel_flow *flow);
int kernel_flows_each(struct kernel *kernel, kernel_flow_fn each, void *context);

/* The flow table: entries, two a flow (one in dr, ipip, gue), as the last scan found them. */
struct kernel_flow_table {
	uint32_t entries, used; /* for proven flows */
	uint32_t older_entries,
		older_used; /* of the table from which flows still move after a change of size; 0: none */
	uint32_t half_open_entries, half_open_used;
	uint64_t memory_bytes;
	uint64_t half_open_evicted; /* given up within a second of their SYN, by a flood */
	bool flood;                 /* now */
};
void kernel_flow_table(struct kernel *kernel, struct kernel_flow_table *out);

/* Memory that the maps take, bytes. */
uint64_t kernel_memory(struct kernel *kernel);

/* "libbpf 1.1", for -V. */
const char *kernel_library(void);

#endif
