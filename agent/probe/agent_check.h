/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line of HAProxy's agent-check protocol. Words apart by space, tab or comma, any case, any order, the last of a
 * kind wins: up|down|stopped|fail, ready|drain|maint, NN% or weight:NN[%] (0 to 256), maxconn:NN, then #description.
 * Unknown words are kept as text. A description of the form "memory available=BYTES total=BYTES" (muster-responder
 * writes it, HAProxy ignores it) gives the memory too. Pure.
 */
#ifndef MUSTER_PROBE_AGENT_CHECK_H
#define MUSTER_PROBE_AGENT_CHECK_H

#include "probe.h"

/* Reads the line in text, up to its first CR or LF. -EBADMSG when there is no word in it. */
int agent_check_parse(const char *text, size_t length, struct memory_reading *out);

/* A reading that says nothing. */
void memory_reading_clear(struct memory_reading *reading);

#endif
