/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share with each other, and with nobody else: struct kernel and its parts. */
#ifndef MUSTER_KERNEL_INSIDE_H
#define MUSTER_KERNEL_INSIDE_H

#include "diff.h"
#include "drift.h"
#include "edits.h"
#include "flow_entry.h"
#include "kernel.h"
#include "maps.h"
#include "netlink.h"
#include "programs.h"
#include "ticks.h"

/* links.c: the interfaces of this network namespace. */
struct link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	uint16_t type; /* ARPHRD_* */
	uint32_t mtu;
	uint8_t mac[6];
	bool up;
	uint32_t program_id; /* 0: no XDP program */
	bool native;
	bool ours;   /* the program is ours */
	bool hidden; /* or may be: it came after CAP_SYS_ADMIN was given up */
	bool frags;  /* ours, the entry for jumbo frames */
	char version[sizeof(((struct attach_report *)0)->version)];
	/* Kept as long as the program of ours stays. */
	enum attach_mode wanted;
	char loss[sizeof(((struct attach_report *)0)->text)]; /* why it is not native; "": it is, or nobody knows */
};

/* hops.c: the way to one server. */
struct hop {
	bool wanted;
	bool fill_source; /* the plan names no source: the route's goes into the record */
	struct muster_addr addr;
	struct netlink_route route;
	int route_error; /* -errno of the route's lookup */
	uint8_t mac[6];
	bool adopted; /* until the neighbour answers, what the record holds is believed */
	enum hop_state state, told;
};

/* tables.c: the inner map in place for a service, as far as this agent has it open. */
struct pick_table {
	uint32_t id; /* 0: none */
	int fd;      /* -1: not ours to open */
	uint32_t entries;
	/* As this agent last wrote, adopted or left it: another table, or other slots, are somebody else's work. */
	uint32_t written_id;
	uint64_t written_sum;
};

/* claim.c: an address that a service wants on an interface. */
struct claim {
	struct muster_addr addr;
	uint32_t ifindex; /* where we put it; 0: nowhere (yet), or it was there already */
	unsigned announce_left;
};

/* flow_tables.c: one of the flow table's maps, and its memory. */
struct flow_table {
	uint32_t id;
	int fd; /* -1: not there */
	uint32_t buckets;
	struct muster_bucket *bucket;
};

struct flow_tables {
	struct flow_table at[MUSTER_TABLES_N]; /* by enum muster_table */
	uint32_t used[MUSTER_TABLES_N];        /* entries, at the end of the last round */
	uint32_t told;                         /* buckets that could not be had, and of which that was said */
	bool walked;                           /* the round under way began after the last change of tables */
};

/* source_ports.c: the source ports toward one server, and their memory. */
struct port_map {
	int fd; /* -1: none */
	uint32_t n_lines;
	struct muster_ports_line *line;
	uint32_t *held, *ringed; /* bits by number, while it is being made */
	bool unfinished;    /* adopted with an empty ring: who made it may have died before anything was given out */
	struct drift drift; /* numbers that are neither free nor in use */
};

/* flows.c: the scan that counts flows and frees those that are over, piece by piece. */
struct gauge {
	struct flow_cursor cursor;
	struct gauge_count {
		uint32_t live;
		uint32_t marked;                                     /* counted in muster_live */
		uint32_t ports;                                      /* held, and not in the ring */
	} counting[MUSTER_MAX_SERVERS], counted[MUSTER_MAX_SERVERS]; /* of the round under way, and of the last one */
	uint32_t used[MUSTER_TABLES_N];
	struct drift live_drift[MUSTER_MAX_SERVERS];
	sd_event_source *timer;
};

/* watch.c: what changed since it was last looked at. */
enum dirty { DIRTY_LINKS = 1, DIRTY_ROUTES = 2, DIRTY_ADDRESSES = 4, DIRTY_NEIGHBOURS = 8 };

struct watch {
	struct mnl_socket *socket;
	sd_event_source *io, *settle, *tick, *notify;
	unsigned dirty;
	bool settling;
	uint64_t settled_ms;
	uint32_t seconds;
};

struct ring_buffer;
struct failures;

struct kernel {
	sd_event *event;
	struct kernel_handlers handlers;
	char *object, *pins;
	int lock_fd;
	struct maps maps;
	struct programs programs;
	struct ticks ticks;
	struct netlink netlink;
	struct watch watch;
	struct link *links;
	size_t n_links;
	struct claim *claims;
	size_t n_claims;
	bool claims_known; /* a plan has said which are wanted */
	bool claims_stale;
	struct pick_table picks[MUSTER_MAX_SERVICES];
	uint32_t inner_flags; /* map flags that muster_picks accepts in an inner map */
	struct muster_config config;
	struct muster_config *shared; /* the same in the program's memory, like those below */
	uint64_t *live;               /* by server */
	const struct muster_flood *flood;
	struct muster_proven *proven;
	struct flow_tables tables;
	struct port_map ports[MUSTER_MAX_SERVERS];
	uint32_t raised[MUSTER_MAX_SERVERS]; /* added to the plan's generation: sources changed under flows */
	struct muster_service services[MUSTER_MAX_SERVICES]; /* as the kernel had them when last read or written */
	struct muster_server servers[MUSTER_MAX_SERVERS];
	struct hop hops[MUSTER_MAX_SERVERS];
	struct vip_entry *vips; /* as last written, sorted; NULL: nothing was */
	size_t n_vips;
	struct edits edits;
	struct gauge gauge;
	struct ring_buffer *ring;
	sd_event_source *ring_io;
	struct failures *failures; /* NULL: not counted (yet) */
};

/* records.c: the maps' records, read whole and written one by one. */
int records_open(struct kernel *kernel);
void records_close(struct kernel *kernel);
int records_read(struct kernel *kernel);
int records_put_server(struct kernel *kernel, uint32_t index, const struct muster_server *record);
int records_put_service(struct kernel *kernel, uint32_t index, const struct muster_service *record);
/* The configuration with what this folder fills in: ABI, ticks, ports; the secret and the tables are the kernel's. */
void records_config(struct kernel *kernel, const struct muster_config *plan, struct muster_config *out);
int records_put_config(struct kernel *kernel, const struct muster_config *config);

/* strangers.c: before a record is written its addresses are known to the program; settled once all are. */
void strangers_meet_server(struct kernel *kernel, const struct muster_server *record);
void strangers_meet_service(struct kernel *kernel, const struct muster_service *record);
void strangers_settle(struct kernel *kernel);

/* counters.c: whoever gets a record starts from zero. `map` is MAP_SRV_STAT or MAP_SVC_STAT. */
int counters_clear(struct kernel *kernel, enum map_index map, uint32_t index);
/* signals.c: the same for what a server's packets said. */
int signals_clear(struct kernel *kernel, uint32_t server_index);

/* tables.c */
void tables_init(struct kernel *kernel);
void tables_close(struct kernel *kernel);
/* Opens the tables that are in place. Needs CAP_SYS_ADMIN: an inner map can only be had by its id. */
int tables_adopt(struct kernel *kernel);
/* The slots in place, owned by the caller; n_slots 0 when there are none. -EPERM when they cannot be read. */
int tables_read(struct kernel *kernel, uint32_t service, uint32_t **slots, uint32_t *n_slots);
/* Whether the table in place has exactly these slots. */
bool tables_equal(struct kernel *kernel, uint32_t service, const uint32_t *slots, uint32_t n_slots);
struct table_change {
	uint32_t service;
	const uint32_t *slots;
	uint32_t n_slots;
};
/* Whether the table in place is another than the one last written; it counts as written from then on. */
bool tables_edited(struct kernel *kernel, uint32_t service);
/* Puts new tables in place, all in one update: the kernel waits for running programs once, not once a table. */
int tables_swap(struct kernel *kernel, const struct table_change *changes, size_t n);
int tables_remove(struct kernel *kernel, uint32_t service);

/* links.c */
int links_refresh(struct kernel *kernel, bool tell);
struct link *links_find(struct kernel *kernel, uint32_t ifindex);
/* The first interface that carries our program; prefer (ifindex) when that one does. NULL: none does. */
struct link *links_attached(struct kernel *kernel, uint32_t prefer);
void links_clear(struct kernel *kernel);
/* Remembers how the attach that is reported came out. */
void links_note(struct kernel *kernel, const struct attach_report *report);

/* hops.c */
void hops_want(struct kernel *kernel, uint32_t index, const struct muster_addr *addr, bool fill_source);
void hops_forget(struct kernel *kernel, uint32_t index);
/* Puts into the record what is known of its hop, its MTU (and source); whether the kernel's record `now` differs in that. */
bool hops_fill(struct kernel *kernel, uint32_t index, const struct muster_server *now, struct muster_server *record);
/* Whether new flows may go there: the address is not the host's own, and in fullnat a source is known. */
bool hops_servable(const struct kernel *kernel, uint32_t index, uint8_t mode);
void hops_reroute(struct kernel *kernel);
void hops_neighbours_again(struct kernel *kernel);
void hops_neighbour(struct kernel *kernel, const struct netlink_neighbour *neighbour);
/* Each second: a tenth of the good hops is stamped and confirmed, those that are not good are tried again. */
void hops_tick(struct kernel *kernel, uint32_t second);
/* A packet met an unknown neighbour. */
void hops_resolve(struct kernel *kernel, const struct muster_event *event);
/* Tells the agent of changes of state. */
void hops_tell(struct kernel *kernel);

/* claim.c */
int claims_want(struct kernel *kernel, const struct plan *plan);
void claims_apply(struct kernel *kernel);
void claims_tick(struct kernel *kernel);
/* Takes every address of ours off the interface; works without an agent. */
int claims_take_back(struct netlink *netlink, uint32_t ifindex);

/* watch.c: netlink events, and the second's tick. */
int watch_open(struct kernel *kernel);
void watch_close(struct kernel *kernel);
/* hops_tell() in the next turn of the loop, so that no handler runs inside a call of the agent's. */
void watch_tell_soon(struct kernel *kernel);

/* events.c, flows.c */
int events_open(struct kernel *kernel);
void events_close(struct kernel *kernel);
int flows_open(struct kernel *kernel);
void flows_close(struct kernel *kernel);
/* Ends all flows of these servers, by index. */
void flows_end_of(struct kernel *kernel, const bool *servers);

/* flow_tables.c */
void flow_tables_init(struct kernel *kernel);
void flow_tables_close(struct kernel *kernel);
/* Opens the tables that are in place. Needs CAP_SYS_ADMIN, as tables_adopt(). */
int flow_tables_adopt(struct kernel *kernel);
/* The same, and writes nothing. */
int flow_tables_look(struct kernel *kernel);
/* Makes what is missing, and begins to grow or shrink the table when it is not of the size for `flows` (0: the default). */
int flow_tables_want(struct kernel *kernel, uint32_t flows);
uint32_t flow_tables_in_force(const struct kernel *kernel);
/* The position of the one that is being emptied, or where the next one will be. */
uint32_t flow_tables_older(const struct kernel *kernel);
/* Takes the older one away: the scan has found it empty. */
void flow_tables_release(struct kernel *kernel);
uint64_t flow_tables_bytes(const struct kernel *kernel);

/* proven.c: a round of the scan begins, meets the tag of an entry of the proven, and was whole. */
void proven_begin(struct kernel *kernel);
void proven_meet(struct kernel *kernel, uint64_t tag);
void proven_end(struct kernel *kernel);

/* source_ports.c */
void source_ports_init(struct kernel *kernel);
void source_ports_close(struct kernel *kernel);
int source_ports_adopt(struct kernel *kernel);
/* Makes the maps that servers in fullnat miss, or whose ranges or number of sources are others by now. */
int source_ports_want(struct kernel *kernel);
int source_ports_remove(struct kernel *kernel, uint32_t server);
/* A round of the scan found so many numbers in use that are not in the ring: makes a map anew that has lost some. */
void source_ports_audit(struct kernel *kernel, uint32_t server, uint32_t in_use, uint32_t rounds);
void source_ports_read(const struct kernel *kernel, uint32_t server, struct kernel_ports *out);
uint64_t source_ports_bytes(const struct kernel *kernel);

/* failures.c: what the kernel drops behind the program. */
void failures_close(struct kernel *kernel);
size_t failures_read(struct kernel *kernel, struct kernel_failure out[KERNEL_FAILURES]);

/* adopt.c: finds the maps: pinned, or used by an attached program, or made by loading the object. */
int adopt_maps(struct kernel *kernel, char *why, size_t n);

/* attach.c: where the program goes, with or without an agent. */
struct attach_site {
	const char *object, *pins;
	const struct maps *maps;
	struct programs *programs;
};
int attach_on(const struct attach_site *site, const char *ifname, enum attach_mode mode, struct attach_report *out);
int detach_on(const struct attach_site *site, const char *ifname, struct attach_report *out);
int query_on(const struct attach_site *site, const char *ifname, struct attach_report *out);
void attach_say(struct attach_report *out, const char *format, ...) _printf_(2, 3);
const char *attach_mode_name(bool native);
/* What is on the interface, whoever's: program_id 0 for nothing. */
int attach_look(const char *ifname, struct attach_report *out);
/* Says whose program it is when it is not ours: -EPERM. */
int attach_refuse(const struct attach_site *site, const struct program *program, struct attach_report *out);
/* The program over the maps in use: loaded, where none of the same object is known yet. */
int attach_load(const struct attach_site *site, enum object_entry entry, struct object_program *out, char *why,
		size_t n);
/* Puts fd (-1: nothing) in the place of old_fd (-1: of nothing), and of nothing else. object_reason() has the refusal's. */
int attach_put(uint32_t ifindex, bool native, int fd, int old_fd);
/* Remembers the program now in place; its fd is taken over. */
int attach_remember(const struct attach_site *site, struct object_program *loaded, struct attach_report *out);

/* attach_first.c: on an interface that carries nothing, in the mode that out->wanted names. */
int attach_first(const struct attach_site *site, struct attach_report *out);

/* upgrade.c: upgrade_devices() without opening anything. */
int upgrade_all(const struct attach_site *site, struct attach_report *reports, size_t *n_reports, char *why, size_t n);

#endif
