/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of node_exporter's metrics (Prometheus text format 0.0.4) says something about memory. Pure. */
#ifndef MUSTER_PROBE_NODE_EXPORTER_H
#define MUSTER_PROBE_NODE_EXPORTER_H

#include "probe.h"

/*
 * Reads MemTotal, MemAvailable, memory pressure and oom_kill; passes over every line that is not one of these,
 * whatever it holds. The first sample of a name counts. -ENODATA when MemTotal or MemAvailable is missing or
 * senseless, with `missing` (may be NULL) naming it.
 */
int node_exporter_parse(const char *text, size_t length, struct memory_reading *out, const char **missing);

#endif
