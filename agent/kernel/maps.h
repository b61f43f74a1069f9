/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pinned maps as the agent opens them: what each must look like, and plain access. */
#ifndef MUSTER_KERNEL_MAPS_H
#define MUSTER_KERNEL_MAPS_H

#include <linux/bpf.h>
#include <muster/flow.h>
#include <muster/maps.h>
#include <muster/ports.h>
#include <muster/verdict.h>

#include "../base.h"

/* NAME, name, type, key bytes, value bytes, least number of entries */
/* clang-format off */
#define KERNEL_MAPS(X) \
	X(CONFIG,   "muster_config",   ARRAY,         4, sizeof(struct muster_config),  1) \
	X(VIPS,     "muster_vips",     HASH,          sizeof(struct muster_vip), 4,     1) \
	X(SERVICES, "muster_services", ARRAY,         4, sizeof(struct muster_service), MUSTER_MAX_SERVICES) \
	X(SERVERS,  "muster_servers",  ARRAY,         4, sizeof(struct muster_server),  MUSTER_MAX_SERVERS) \
	X(PICKS,    "muster_picks",    ARRAY_OF_MAPS, 4, 4,                             MUSTER_MAX_SERVICES) \
	X(FLOWS,    "muster_flows",    ARRAY_OF_MAPS, 4, 4,                             MUSTER_TABLES_N) \
	X(PROVEN,   "muster_proven",   ARRAY,         4, sizeof(struct muster_proven),  1) \
	X(PORTS,    "muster_ports",    ARRAY_OF_MAPS, 4, 4,                             MUSTER_MAX_SERVERS) \
	X(LIVE,     "muster_live",     ARRAY,         4, 8,                             MUSTER_MAX_SERVERS) \
	X(FRAGMENTS, "muster_fragments", LRU_HASH,    sizeof(struct muster_fragment), 4, 1) \
	X(VERDICTS, "muster_verdicts", PERCPU_ARRAY,  4, 8,                             MUSTER_VERDICTS_N) \
	X(SVC_STAT, "muster_svc_stat", PERCPU_ARRAY,  4, sizeof(struct muster_stats),   MUSTER_MAX_SERVICES) \
	X(SRV_STAT, "muster_srv_stat", PERCPU_ARRAY,  4, sizeof(struct muster_stats),   MUSTER_MAX_SERVERS) \
	X(SIGNALS,  "muster_signals",  PERCPU_ARRAY,  4, sizeof(struct muster_signals), MUSTER_MAX_SERVERS) \
	X(CLIENTS,  "muster_clients",  ARRAY,         4, 4,                             MUSTER_MAX_CLIENTS) \
	X(FLOOD,    "muster_flood",    ARRAY,         4, sizeof(struct muster_flood),   1) \
	X(LIMITS,   "muster_limits",   PERCPU_ARRAY,  4, sizeof(struct muster_limits),  1) \
	X(EVENTS,   "muster_events",   RINGBUF,       0, 0,                             1)
/* clang-format on */

enum map_index {
#define X(NAME, name, TYPE, key, value, entries) MAP_##NAME,
	KERNEL_MAPS(X)
#undef X
		MAP_N
};

struct map_shape {
	const char *name;
	uint32_t type, key_bytes, value_bytes, entries;
};
extern const struct map_shape map_shapes[MAP_N];

struct maps {
	int fd[MAP_N]; /* -1: not open */
	uint32_t id[MAP_N];
	uint32_t entries[MAP_N];
};

void maps_init(struct maps *maps);
void maps_close(struct maps *maps);

/* The map of ours with that name, or -1. */
int maps_by_name(const char *name);
/* Takes the fd of map i after checking its shape. -EPROTO with `why` when it differs; `from` names its origin. */
int maps_take(struct maps *maps, int i, int fd, const char *from, char *why, size_t n);

/*
 * Opens what is pinned under `pins`: 0 when all are there; -ENOENT when none is; -ENODATA when some are missing
 * (the others are open); -EPROTO when one differs from what this agent knows; another -errno. `why` says which.
 */
int maps_open_pinned(struct maps *maps, const char *pins, char *why, size_t n);
/*
 * Pins under `pins`, by its name, every open map that is not pinned there yet. -EEXIST with `why`: another map is.
 */
int maps_pin(const struct maps *maps, const char *pins, char *why, size_t n);
/* -EPROTO with `why` when an agent of another ABI wrote the maps. */
int maps_check_abi(const struct maps *maps, const char *pins, char *why, size_t n);

/* Reads entries 0 to count - 1 of an array map into `out` (values side by side, no padding). */
int maps_read_array(int fd, void *out, uint32_t count, size_t value_bytes);
/* Memory that one map takes, as the kernel accounts for it. */
uint64_t maps_bytes(int fd);

/*
 * The values of an array with BPF_F_MMAPABLE as memory shared with the program, `bytes` of them; NULL with errno. And back.
 */
void *maps_share(int fd, size_t bytes);
void maps_unshare(void *values, size_t bytes);

/*
 * Puts inner maps into an array of maps, all in one update where the kernel has that: it waits for running programs once,
 * not once a map. When it is back nobody uses those of before any more.
 */
int maps_put_inner(int fd, const uint32_t *keys, const int *fds, size_t n);

#endif
