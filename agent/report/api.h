/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control API's transport: HTTP/1.1 with JSON over a unix socket, on the loop (libmicrohttpd, external epoll). It
 * knows calls, peers, limits and streams; what a call means stands in the route table of its user.
 */
#ifndef MUSTER_API_H
#define MUSTER_API_H

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "../base.h"

struct api;
struct api_call; /* one request until it is answered */

/* Who is at the other end, by SO_PEERCRED and /proc/PID/loginuid. */
struct api_peer {
	pid_t pid;
	uid_t uid;     /* of the process */
	uid_t owner;   /* loginuid where set, else uid */
	char name[64]; /* "alice (uid 1000)" */
};

typedef void (*api_handler)(void *context, struct api_call *call);

struct api_route {
	const char *method, *path; /* exact path, "/v1/drain" */
	api_handler handler;
};

struct api_conf {
	const char *socket; /* 0660 root:group; an existing one is unlinked only if nobody answers on it */
	const char *group;  /* NULL or unknown group: root's */
};

/* `routes` ends with a NULL path and must outlive the api. `why` says what failed. */
int api_new(struct api **out, sd_event *event, const struct api_conf *conf, const struct api_route *routes,
	    void *context, char *why, size_t n);
void api_free(struct api **api);

const struct api_peer *api_peer(const struct api_call *call);
/* The request's JSON object, borrowed; never NULL (an empty object when there was no body). */
const json_t *api_body(const struct api_call *call);
/* A query argument, or NULL. */
const char *api_query(const struct api_call *call, const char *name);

/*
 * Answers, now or in a later turn of the loop; takes the reference of `body`; the call is gone afterwards. Exactly once
 * a call. An answer to a peer that has left meanwhile is dropped.
 */
void api_answer(struct api_call *call, unsigned http_status, json_t *body);

/* Turns the call into a stream of lines; `first` (array of objects, reference taken) is sent before. */
void api_follow(struct api_call *call, json_t *first);
/* Sends a line to every stream; one that lags 1 MiB is dropped. */
void api_push(struct api *api, const char *line, size_t length);

#endif
