/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control API's questions: they change nothing. Handlers take a struct agent * as context. */
#ifndef MUSTER_QUERIES_H
#define MUSTER_QUERIES_H

#include "report/api.h"

void query_status(void *context, struct api_call *call);
void query_server(void *context, struct api_call *call);
void query_leases(void *context, struct api_call *call);
void query_flows(void *context, struct api_call *call);
void query_flow_count(void *context, struct api_call *call);
void query_stats(void *context, struct api_call *call);
void query_verdicts(void *context, struct api_call *call);
void query_picks(void *context, struct api_call *call);
void query_events(void *context, struct api_call *call);
void query_audit(void *context, struct api_call *call);
/* postmortem.c */
void query_postmortem(void *context, struct api_call *call);
void query_storage(void *context, struct api_call *call);

#endif
