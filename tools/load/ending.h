/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one connection ended: when, from which port, and with which error, so that a single failure among thousands can be
 * found again in a packet capture and in musterd's log.
 */
#ifndef LOAD_ENDING_H
#define LOAD_ENDING_H

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* How a request or a connection can end. */
/* clang-format off */
#define RESULTS(X) \
	X(OK,            ok) \
	X(CONNECT_ERROR, connect_error)  /* refused, unreachable, reset before it stood */ \
	X(RESET,         reset) \
	X(TIMEOUT,       timeout)        /* no whole answer within --timeout-ms */ \
	X(NOT_200,       not_200) \
	X(CLOSED_EARLY,  closed_early)   /* the end came before the whole answer, or unasked */ \
	X(NO_LOCAL_PORT, no_local_port)  /* the client itself had no port left */
/* clang-format on */
enum result {
#define X(NAME, name) RESULT_##NAME,
	RESULTS(X)
#undef X
		RESULTS_N
};

static const char *const result_names[RESULTS_N] = {
#define X(NAME, name) [RESULT_##NAME] = #name,
	RESULTS(X)
#undef X
};

#define SERVER_NAME_SIZE 32

struct ending {
	int64_t wall_ms, opened_ms;
	enum result result;
	int error; /* errno; 0: none was said */
	char server[SERVER_NAME_SIZE];
	char source[64], port[8];
	uint64_t requests;
};

/* The client's end of a connection that is not closed yet. */
static void ending_source(struct ending *out, int fd)
{
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);

	snprintf(out->port, sizeof(out->port), "0");
	if (!getsockname(fd, (struct sockaddr *)&local, &size))
		getnameinfo((struct sockaddr *)&local, size, out->source, sizeof(out->source), out->port,
			    sizeof(out->port), NI_NUMERICHOST | NI_NUMERICSERV);
}

/* Server names are cut to letters, digits, '.', '-' and '_' where they are read, so they need no escapes. */
static void ending_json(FILE *out, const struct ending *e)
{
	fprintf(out,
		"{\"wall_ms\": %" PRId64 ", \"opened_ms\": %" PRId64 ", \"result\": \"%s\", \"error\": \"%s\", "
		"\"server\": \"%s\", \"source\": \"%s\", \"port\": %s, \"requests\": %" PRIu64 "}",
		e->wall_ms, e->opened_ms, result_names[e->result], e->error ? strerrorname_np(e->error) : "", e->server,
		e->source, e->port, e->requests);
}

static void ending_text(FILE *out, const struct ending *e)
{
	time_t seconds = e->wall_ms / 1000;
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&seconds));
	fprintf(out, "  %s.%03d %s%s%s after %" PRId64 " ms, from %s port %s%s%s\n", clock, (int)(e->wall_ms % 1000),
		result_names[e->result], e->error ? ": " : "", e->error ? strerror(e->error) : "",
		e->wall_ms - e->opened_ms, e->source, e->port, *e->server ? ", of " : "", e->server);
}

#endif
