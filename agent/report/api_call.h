/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The api from the inside: what its daemon (api.c), calls (api_call.c) and streams (api_stream.c) share. */
#ifndef MUSTER_API_CALL_H
#define MUSTER_API_CALL_H

#include <microhttpd.h>

#include "api.h"
#include "api_socket.h"

#define API_BODY_BYTES   (1024 * 1024)
#define API_CONNECTIONS  64
#define API_STREAMS      32 /* so that followers leave room for calls */
#define API_IDLE_S       10
#define API_LAG_BYTES    (1024 * 1024)
#define API_HEADER_BYTES (32 * 1024) /* a connection's memory: request line and headers must fit */

struct api {
	struct MHD_Daemon *daemon;
	struct api_socket socket;
	sd_event_source *io, *timer, *kick; /* the daemon's epoll, its timeout, "run it in the next turn" */
	const struct api_route *routes;
	void *context;
	struct api_call *calls; /* all that are not gone */
	unsigned n_streams;
	bool closing;
};

enum call_state {
	CALL_READING,  /* its body is on the way */
	CALL_ASKED,    /* the handler has it, and owes an answer */
	CALL_ANSWERED, /* the answer waits to be sent, or is being sent */
	CALL_STREAM
};

/* A call ends when its request is completed, but never between the handler's call and its answer. */
struct api_call {
	struct api *api; /* NULL: freed before the answer */
	struct api_call *next, **link;
	struct MHD_Connection *connection; /* NULL: the peer has left */
	sd_event_source *watch;            /* tells of a hang-up while the daemon does not look */
	enum call_state state;
	bool suspended, hung_up;

	char *text; /* the body as it came */
	size_t length;
	json_t *body, *query;
	struct api_peer peer;

	unsigned status;
	char *reply;
	const char *allow; /* for 405 */

	/* CALL_STREAM: bytes not yet taken by the daemon */
	char *pending;
	size_t start, end, room, limit;
};

/* The daemon is to run in the next turn of the loop. */
void api_kick(struct api *api);

enum MHD_Result call_handle(void *api, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *data, size_t *size, void **call);
void call_completed(void *api, struct MHD_Connection *connection, void **call, enum MHD_RequestTerminationCode code);
/* From and to the daemon's attention. Suspend from the daemon's callbacks alone. */
bool call_suspend(struct api_call *call);
void call_resume(struct api_call *call);
void call_free(struct api_call *call);
/* Ends the connection from our side; the daemon finds out by itself. */
void call_hang_up(struct api_call *call);

struct MHD_Response *stream_response(struct api_call *call);

#endif
