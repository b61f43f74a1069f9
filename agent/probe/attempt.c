// SPDX-License-Identifier: GPL-2.0-or-later
#include "attempt.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent_check.h"

int attempt_use_http(struct attempt *attempt, const struct http_request *request)
{
	int r;

	if (!attempt->http) {
		r = http_transfer_new(&attempt->io->http, &attempt->http);
		if (r < 0)
			return r;
	}
	return http_transfer_set(attempt->http, request);
}

int attempt_use_tcp(struct attempt *attempt, const struct tcp_request *request)
{
	if (!attempt->tcp) {
		attempt->tcp = calloc(1, sizeof(*attempt->tcp));
		if (!attempt->tcp)
			return -ENOMEM;
		attempt->tcp->timers = &attempt->io->timers;
		attempt->tcp->watch = &attempt->io->watch;
	}
	attempt->request = *request;
	return 0;
}

void attempt_stop(struct attempt *attempt)
{
	if (attempt->http)
		http_transfer_stop(attempt->http);
	if (attempt->tcp)
		tcp_stop(attempt->tcp);
}

void attempt_clear(struct attempt *attempt)
{
	attempt_stop(attempt);
	http_transfer_free(&attempt->http);
	free(attempt->tcp);
	free(attempt->body);
	free(attempt->send);
	attempt->tcp = NULL;
	attempt->body = attempt->send = NULL;
}

static bool same_way(const struct attempt *attempt, const struct probe_spec *spec)
{
	bool http = spec->kind == PROBE_KIND_CHECK ? spec->check->type != CHECK_TCP
						   : spec->memory->source == MEMORY_NODE_EXPORTER;

	return http ? !attempt->tcp : !attempt->http;
}

int attempt_set(struct attempt *attempt, struct attempt_io *io, const struct probe_spec *spec)
{
	if (!same_way(attempt, spec))
		attempt_clear(attempt);
	attempt_stop(attempt);
	free(attempt->body);
	free(attempt->send);
	attempt->body = attempt->send = NULL;
	attempt->io = io;
	return spec->kind == PROBE_KIND_CHECK ? check_probe_set(attempt, spec) : memory_probe_set(attempt, spec);
}

void attempt_end(struct attempt *attempt, enum probe_outcome outcome, const char *format, ...)
{
	va_list ap;

	attempt->result.outcome = outcome;
	va_start(ap, format);
	vsnprintf(attempt->result.detail, sizeof(attempt->result.detail), format, ap);
	va_end(ap);
	attempt->done(attempt, attempt->context);
}

void attempt_start(struct attempt *attempt, attempt_done_fn done, void *context)
{
	bool memory = attempt->source != MEMORY_NONE;

	attempt->done = done;
	attempt->context = context;
	attempt->result.http_status = 0;
	memory_reading_clear(&attempt->result.memory);
	if (attempt->tcp)
		tcp_start(attempt->tcp, &attempt->request, memory ? memory_probe_on_tcp : check_probe_on_tcp, attempt);
	else if (http_transfer_start(attempt->http, memory ? memory_probe_on_http : check_probe_on_http, attempt) < 0)
		attempt_end(attempt, PROBE_LOCAL, "no memory for the request");
}
