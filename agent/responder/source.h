/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where muster-responder reads memory: the host's /proc, or a memory cgroup of version 1 or 2. Files stay open and
 * buffers are static: reading allocates nothing, because the answer matters most when nothing can be allocated.
 */
#ifndef MUSTER_RESPONDER_SOURCE_H
#define MUSTER_RESPONDER_SOURCE_H

#include "../base.h"

/* Bytes, microseconds; a field that the source does not have is negative. */
struct responder_reading {
	int64_t total_bytes, available_bytes;
	int64_t waiting_us, stalled_us; /* PSI some and full, so far */
	int64_t oom_kills;
};

struct responder_source {
	enum { RESPONDER_HOST, RESPONDER_CGROUP1, RESPONDER_CGROUP2 } kind;
	int meminfo_fd; /* the host's, also the ceiling of a cgroup */
	int limit_fd, usage_fd, stat_fd;
	int pressure_fd, oom_fd; /* -1: this source has none */
};

/* The host's memory when cgroup is NULL, else that folder's. On failure `why` (size n) is a sentence. */
int responder_source_open(struct responder_source *source, const char *cgroup, char *why, size_t n);
void responder_source_close(struct responder_source *source);
/* -EIO or what read said; -ENODATA when a figure is missing. */
int responder_source_read(const struct responder_source *source, struct responder_reading *out);

/* The number after `key` at the start of a line, "MemTotal:   123 kB" or "oom_kill 3". -1: there is none. Pure. */
int64_t responder_keyed_number(const char *text, const char *key);
/* The total= of a line of a PSI file, "some" or "full". -1: there is none. Pure. */
int64_t responder_pressure_total(const char *text, const char *key);

#endif
