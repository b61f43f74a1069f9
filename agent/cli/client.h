/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control API's client: curl over the unix socket. */
#ifndef MUSTER_CLI_CLIENT_H
#define MUSTER_CLI_CLIENT_H

#include <jansson.h>
#include <stdio.h>

#include "../base.h"

struct answer {
	long status;   /* HTTP */
	char *text;    /* the document as it came */
	json_t *json;  /* the same, read; NULL when it is no JSON object */
	int transport; /* 0, or -errno: no answer came */
};

/*
 * Calls and waits for the answer, as long as it takes for a POST: an order is answered when it is on disk, and after a
 * second without answer standard error says what is being waited for. body NULL: GET; else its reference is taken.
 * 0, or -errno with a sentence on standard error.
 */
int client_call(const char *socket, const char *path, json_t *body, struct answer *out);
/* As client_call, but silent where nobody listens on the socket (-ENOENT, -ECONNREFUSED). */
int client_try(const char *socket, const char *path, json_t *body, struct answer *out);
void answer_free(struct answer *answer);

/* A GET whose lines go to `each` as they come, until the agent ends it; `each` returns false to stop. */
typedef bool (*client_line_fn)(void *context, const char *line, size_t length);
int client_follow(const char *socket, const char *path, client_line_fn each, void *context);

/* "?name=value" or "&name=value", escaped, appended to *path (grown); value NULL: nothing. */
int client_query(char **path, const char *name, const char *value);

/* The exit status for a document's "result", or for its HTTP status where it has none. */
int client_exit(const struct answer *answer);

#endif
