/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One probe's way of asking: an HTTP transfer or a TCP exchange, kept from one start to the next, and what is wanted
 * of the answer. It knows nothing of intervals.
 */
#ifndef MUSTER_PROBE_ATTEMPT_H
#define MUSTER_PROBE_ATTEMPT_H

#include "http.h"
#include "probe.h"
#include "tcp.h"

/* What all attempts share. */
struct attempt_io {
	struct timers timers;
	struct watch watch;
	struct http http;
};

struct attempt;
/* Called once when the attempt ended, perhaps already from attempt_start(). May free it. */
typedef void (*attempt_done_fn)(struct attempt *attempt, void *context);

struct attempt {
	struct attempt_io *io;
	struct http_transfer *http; /* one of these two */
	struct tcp_exchange *tcp;
	struct tcp_request request; /* of tcp */

	/* What is wanted, copied from the configuration: it may change while the attempt runs. */
	struct status_range status[CHECK_STATUS_RANGES];
	unsigned n_status;
	char *body;
	char *send;
	enum memory_source source;

	struct probe_result result; /* outcome, http_status, detail and memory, valid in done */
	attempt_done_fn done;
	void *context;
};

/* Makes the attempt ask as `spec` says; stops it first. On failure the detail of its result says why. */
int attempt_set(struct attempt *attempt, struct attempt_io *io, const struct probe_spec *spec);
void attempt_start(struct attempt *attempt, attempt_done_fn done, void *context);
void attempt_stop(struct attempt *attempt);
/* Stops and frees what it holds. */
void attempt_clear(struct attempt *attempt);

/* For check.c and memory.c: fill in and start by kind. */
int check_probe_set(struct attempt *attempt, const struct probe_spec *spec);
void check_probe_on_http(struct http_transfer *transfer, enum probe_outcome outcome, const char *detail, void *context);
void check_probe_on_tcp(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail, void *context);
int memory_probe_set(struct attempt *attempt, const struct probe_spec *spec);
void memory_probe_on_http(struct http_transfer *transfer, enum probe_outcome outcome, const char *detail,
			  void *context);
void memory_probe_on_tcp(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail, void *context);

/* Takes the attempt's transfer or exchange into use for a request. */
int attempt_use_http(struct attempt *attempt, const struct http_request *request);
int attempt_use_tcp(struct attempt *attempt, const struct tcp_request *request);
void attempt_end(struct attempt *attempt, enum probe_outcome outcome, const char *format, ...) _printf_(3, 4);

#endif
