/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would become of a packet, as JSON and, in it, in words. Pure. */
#ifndef MUSTER_REPORT_WHY_H
#define MUSTER_REPORT_WHY_H

#include <jansson.h>

#include "../kernel/why.h"

/* {"schema", "packet", "verdict", "action", "text", "service", "server", "flow", "turn", "next_hop", "stages", "hints"} */
json_t *why_json(const struct why *why);

/* why_stages.c: [{"stage", "text"}], one for each stage that the packet met, in order; the last one says how it ended. */
json_t *why_stages_json(const struct why *why);

const char *why_verdict_name(const struct why *why);
const char *why_verdict_text(const struct why *why);
/* The word of the flow's state. */
const char *why_flow_state(const struct why *why);
bool why_is_forwarded(const struct why *why);
/* The flow in the trace is one: there, or to be opened. */
bool why_has_flow(const struct why *why);
/* The new flow takes the next turn of the table. */
bool why_takes_turn(const struct why *why);

#endif
