// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory sources: a node_exporter's metrics by HTTP, or an agent-check's line by TCP. */
#include <stdio.h>

#include "agent_check.h"
#include "attempt.h"
#include "node_exporter.h"

/* A node_exporter that ignores collect[] answers with all it has: 100 to 300 KB on large hosts. */
#define METRICS_MAX 1048576

int memory_probe_set(struct attempt *attempt, const struct probe_spec *spec)
{
	const struct memory_conf *memory = spec->memory;

	attempt->source = memory->source;
	if (memory->source == MEMORY_NODE_EXPORTER)
		return attempt_use_http(attempt, &(struct http_request){.addr = spec->addr,
									.port = spec->port,
									.method = "GET",
									.path = memory->path ?: MEMORY_PATH_DEFAULT,
									.timeout_ms = MAX(memory->timeout_ms, 1u),
									.body_max = METRICS_MAX,
									.keep_body = true});
	if (memory->send) {
		attempt->send = strdup(memory->send);
		if (!attempt->send)
			return -ENOMEM;
	}
	return attempt_use_tcp(attempt, &(struct tcp_request){.addr = spec->addr,
							      .port = spec->port,
							      .timeout_ms = MAX(memory->timeout_ms, 1u),
							      .line = true,
							      .send = attempt->send});
}

static void end_with_reading(struct attempt *attempt)
{
	const struct memory_reading *memory = &attempt->result.memory;

	if (memory->available_bytes < 0)
		attempt_end(attempt, PROBE_OK, "it says nothing of memory");
	else
		attempt_end(attempt, PROBE_OK, "%.1f of %.1f MiB available", (double)memory->available_bytes / 0x1p20,
			    (double)memory->total_bytes / 0x1p20);
}

void memory_probe_on_http(struct http_transfer *transfer, enum probe_outcome outcome, const char *detail, void *context)
{
	struct attempt *attempt = context;
	const char *missing;

	attempt->result.http_status = (int)transfer->status;
	if (outcome != PROBE_OK)
		attempt_end(attempt, outcome, "%s", detail);
	else if (transfer->status != 200)
		attempt_end(attempt, PROBE_WRONG_STATUS, "HTTP %ld, wanted 200", transfer->status);
	else if (node_exporter_parse(transfer->body ?: "", transfer->kept, &attempt->result.memory, &missing) < 0)
		attempt_end(attempt, PROBE_UNREADABLE, "no usable %s in the answer; is this a node_exporter?", missing);
	else
		end_with_reading(attempt);
}

void memory_probe_on_tcp(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail, void *context)
{
	struct attempt *attempt = context;

	if (outcome != PROBE_OK)
		attempt_end(attempt, outcome, "%s", detail);
	else if (agent_check_parse(exchange->line, strlen(exchange->line), &attempt->result.memory) < 0)
		attempt_end(attempt, PROBE_UNREADABLE, "its line has no word");
	else
		end_with_reading(attempt);
}
