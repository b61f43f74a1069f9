/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One TCP exchange: connect, and for line protocols send a string and read one line. The connection is closed with
 * a FIN: servers count connections that were reset against somebody.
 */
#ifndef MUSTER_PROBE_TCP_H
#define MUSTER_PROBE_TCP_H

#include <muster/maps.h>

#include "outcome.h"
#include "timers.h"
#include "watch.h"

#define TCP_LINE_SIZE 1024

struct tcp_exchange;
/* Called once when the exchange ended, from the loop; may start the next one on it, or stop and free it. */
typedef void (*tcp_done_fn)(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail,
			    void *context);

struct tcp_request {
	struct muster_addr addr;
	uint16_t port; /* host order */
	uint32_t timeout_ms;
	bool line;        /* read one line; otherwise connecting is all */
	const char *send; /* NULL: nothing; must live until the end */
};

struct tcp_exchange {
	struct timers *timers; /* the owner sets these two, once */
	struct watch *watch;

	struct tcp_request request;
	struct timer deadline;
	bool open; /* fd is ours; a zeroed exchange is a stopped one */
	int fd;
	bool connected;
	size_t sent;
	tcp_done_fn done;
	void *context;
	size_t length;
	char line[TCP_LINE_SIZE]; /* ended by NUL, without the line's end */
};

/* What an errno of a socket that is (not yet) connected means. LOCAL when the fault is on this host. */
enum probe_outcome tcp_outcome(int error, bool connected);

/* Starts it; an exchange that cannot start ends at once, by `done`. */
void tcp_start(struct tcp_exchange *exchange, const struct tcp_request *request, tcp_done_fn done, void *context);
/* Ends it without `done`; no harm when it is not running. */
void tcp_stop(struct tcp_exchange *exchange);

#endif
