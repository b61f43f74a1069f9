/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit as JSON. Pure. */
#ifndef MUSTER_REPORT_AUDIT_H
#define MUSTER_REPORT_AUDIT_H

#include <jansson.h>

#include "../policy/audit.h"
#include "status.h"

/*
 * GET /v1/audit: {"schema", "worst": null or a severity, "findings": [{kind, severity, service, server, text, meaning, next,
 * since_ms, age_ms}], "servers": [{service, name, healthy, declared, effective, slots, of_slots, share_pct, packets_pct,
 * bytes_pct, live_flows}], "shares": [{service, new_flows, of, text}]: the services whose shares cannot be judged, for want of
 * new flows}. What is of no service or server, or not known, has null there. NULL: no memory.
 */
json_t *audit_json(const struct status_input *in, const struct audit_finding *findings, size_t n);

#endif
