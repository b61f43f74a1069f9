/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP(S) requests by libcurl's multi interface on the loop: one engine (a multi handle, its sockets and its timer),
 * and one transfer per probe that keeps its easy handle and options from one start to the next.
 */
#ifndef MUSTER_PROBE_HTTP_H
#define MUSTER_PROBE_HTTP_H

#include <curl/curl.h>
#include <muster/maps.h>

#include "outcome.h"
#include "timers.h"
#include "watch.h"

#define HTTP_DETAIL_SIZE 160

/* The engine. */
struct http {
	CURLM *multi;
	struct timers *timers;
	struct watch *watch;
	struct timer timer; /* when curl wants to be called */
};

int http_init(struct http *http, struct timers *timers, struct watch *watch);
/* After every transfer was freed. */
void http_done(struct http *http);

struct http_request {
	struct muster_addr addr;
	uint16_t port; /* host order */
	bool tls, tls_verify;
	const char *ca_file; /* NULL: the system's */
	const char *method, *path;
	const char *host; /* Host header and TLS name; NULL: the address */
	uint32_t timeout_ms;
	size_t body_max; /* read at most this much of the body; the answer is then whole */
	bool keep_body;  /* false: its bytes are counted and dropped */
};

struct http_transfer;
/*
 * Called once when the transfer ended, from the loop, outside of curl: may start or free it. With PROBE_OK an HTTP
 * answer of any status came, whole or as far as body_max; otherwise `detail` says what happened.
 */
typedef void (*http_done_fn)(struct http_transfer *transfer, enum probe_outcome outcome, const char *detail,
			     void *context);

struct http_transfer {
	struct http *http;
	CURL *easy;
	struct curl_slist *connect_to;
	struct curl_slist *headers;
	struct muster_addr addr; /* for messages */
	uint16_t port;
	uint32_t timeout_ms;
	size_t body_max;
	bool keep_body, tls;

	bool running;
	bool connected;   /* TCP answered */
	bool enough;      /* body_max was reached: we ended it */
	bool no_memory;   /* the body could not be kept */
	int socket_error; /* errno, when no socket could be opened */
	long status;
	size_t headers_seen, seen; /* bytes of headers, of body */
	char *body;                /* `kept` bytes, valid in done */
	size_t kept, room;
	char error[CURL_ERROR_SIZE];
	http_done_fn done;
	void *context;
};

int http_transfer_new(struct http *http, struct http_transfer **out);
void http_transfer_free(struct http_transfer **transfer);
/* Takes the options of all following starts; nothing of the request is borrowed. -EINVAL, -ENOMEM. */
int http_transfer_set(struct http_transfer *transfer, const struct http_request *request);
int http_transfer_start(struct http_transfer *transfer, http_done_fn done, void *context);
/* Ends it without `done`; no harm when it is not running. */
void http_transfer_stop(struct http_transfer *transfer);

/* The rest is for http.c and transfer.c alone. */

/* What curl's end of a transfer means; detail has HTTP_DETAIL_SIZE bytes. */
enum probe_outcome http_transfer_outcome(struct http_transfer *transfer, CURLcode code, char *detail);
curl_socket_t http_open_socket(void *transfer, curlsocktype purpose, struct curl_sockaddr *address);
int http_close_socket(void *http, curl_socket_t fd);

#endif
