// SPDX-License-Identifier: GPL-2.0-or-later
#include "http.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "../address.h"
#include "tcp.h"

#define BODY_ROOM_FIRST 4096
/* A body that needed more room than this gives it back when it was looked at. */
#define BODY_ROOM_KEPT 16384
#define HEADERS_MAX    65536

static bool keep(struct http_transfer *transfer, const char *data, size_t length)
{
	size_t room = MAX(transfer->room, (size_t)BODY_ROOM_FIRST);
	char *body;

	while (room < transfer->kept + length)
		room *= 2;
	if (room != transfer->room) {
		body = realloc(transfer->body, room);
		if (!body)
			return false;
		transfer->body = body;
		transfer->room = room;
	}
	memcpy(transfer->body + transfer->kept, data, length);
	transfer->kept += length;
	return true;
}

/* curl keeps every header line: a server that never ends them must not take the agent's memory. */
static size_t on_header(char *data, size_t one, size_t length, void *context)
{
	struct http_transfer *transfer = context;

	(void)data;
	(void)one;
	transfer->headers_seen += length;
	return transfer->headers_seen > HEADERS_MAX ? length + 1 : length;
}

/* Returning another length than was given makes curl end the transfer. */
static size_t on_body(char *data, size_t one, size_t length, void *context)
{
	struct http_transfer *transfer = context;
	size_t take = MIN(length, transfer->body_max - transfer->seen);

	(void)one;
	transfer->seen += take;
	if (transfer->keep_body && !keep(transfer, data, take)) {
		transfer->no_memory = true;
		return length + 1;
	}
	transfer->enough = transfer->seen == transfer->body_max;
	return transfer->enough ? length + 1 : length;
}

int http_transfer_new(struct http *http, struct http_transfer **out)
{
	struct http_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return -ENOMEM;
	transfer->http = http;
	transfer->easy = curl_easy_init();
	if (!transfer->easy) {
		free(transfer);
		return -ENOMEM;
	}
	*out = transfer;
	return 0;
}

void http_transfer_free(struct http_transfer **transfer_p)
{
	struct http_transfer *transfer = *transfer_p;

	if (!transfer)
		return;
	http_transfer_stop(transfer);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->connect_to);
	curl_slist_free_all(transfer->headers);
	free(transfer->body);
	free(transfer);
	*transfer_p = NULL;
}

/* The URL names `host` alone, so that the Host header and the TLS name are exactly that; CONNECT_TO names the address. */
static int set_target(struct http_transfer *transfer, const struct http_request *request)
{
	char address[ADDRESS_TEXT_SIZE], connect_to[ADDRESS_TEXT_SIZE + 2], url[2048];
	int n;

	address_port_format(&request->addr, htons(request->port), address);
	n = snprintf(url, sizeof(url), "%s://%s%s%s", request->tls ? "https" : "http",
		     request->host ? request->host : address, *request->path == '/' ? "" : "/", request->path);
	if ((size_t)n >= sizeof(url))
		return -EINVAL;
	snprintf(connect_to, sizeof(connect_to), "::%s", address);
	transfer->connect_to = curl_slist_append(NULL, connect_to);
	if (!transfer->connect_to)
		return -ENOMEM;
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	if (curl_easy_setopt(transfer->easy, CURLOPT_URL, url) != CURLE_OK)
		return -ENOMEM;
	if (!strcmp(request->method, "HEAD"))
		curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(request->method, "GET") &&
		 curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, request->method) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

static int set_tls(CURL *easy, const struct http_request *request)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->tls_verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->tls_verify ? 2L : 0L);
	/* A resumed session would not show that the certificate has changed. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (!request->tls_verify)
		return 0;
	/* curl parses the CA file once for all transfers only when no CA folder is set. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (request->ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/* What holds for every probe: one connection for one request, to that address and nowhere else. */
static int set_common(struct http_transfer *transfer)
{
	CURL *easy = transfer->easy;

	/* The server closes first when it may, so that TIME_WAIT is spread over the servers. */
	transfer->headers = curl_slist_append(NULL, "Connection: close");
	if (!transfer->headers)
		return -ENOMEM;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->http);
	return 0;
}

int http_transfer_set(struct http_transfer *transfer, const struct http_request *request)
{
	int r;

	http_transfer_stop(transfer);
	curl_easy_reset(transfer->easy);
	curl_slist_free_all(transfer->connect_to);
	curl_slist_free_all(transfer->headers);
	transfer->connect_to = transfer->headers = NULL;
	transfer->addr = request->addr;
	transfer->port = request->port;
	transfer->timeout_ms = request->timeout_ms;
	transfer->tls = request->tls;
	transfer->body_max = request->body_max;
	transfer->keep_body = request->keep_body;
	r = set_common(transfer);
	if (r < 0)
		return r;
	r = set_target(transfer, request);
	if (r < 0)
		return r;
	return request->tls ? set_tls(transfer->easy, request) : 0;
}

int http_transfer_start(struct http_transfer *transfer, http_done_fn done, void *context)
{
	http_transfer_stop(transfer);
	if (transfer->room > BODY_ROOM_KEPT) {
		free(transfer->body);
		transfer->body = NULL;
		transfer->room = 0;
	}
	transfer->connected = transfer->enough = transfer->no_memory = false;
	transfer->socket_error = 0;
	transfer->status = 0;
	transfer->seen = transfer->kept = transfer->headers_seen = 0;
	transfer->error[0] = '\0';
	transfer->done = done;
	transfer->context = context;
	if (curl_multi_add_handle(transfer->http->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	transfer->running = true;
	return 0;
}

void http_transfer_stop(struct http_transfer *transfer)
{
	if (!transfer->running)
		return;
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	transfer->running = false;
}

static enum probe_outcome timed_out(const struct http_transfer *transfer, const char *doing, char *detail)
{
	if (!transfer->connected) {
		snprintf(detail, HTTP_DETAIL_SIZE, "no answer to connect within %u ms", transfer->timeout_ms);
		return PROBE_CONNECT_TIMEOUT;
	}
	if (transfer->status)
		snprintf(detail, HTTP_DETAIL_SIZE, "HTTP %ld came, but its body not within %u ms (%zu bytes did)",
			 transfer->status, transfer->timeout_ms, transfer->seen);
	else
		snprintf(detail, HTTP_DETAIL_SIZE, "%s, but no answer within %u ms", doing, transfer->timeout_ms);
	return PROBE_TIMEOUT;
}

static enum probe_outcome socket_failed(const struct http_transfer *transfer, int error, char *detail)
{
	char address[ADDRESS_TEXT_SIZE];

	address_port_format(&transfer->addr, htons(transfer->port), address);
	snprintf(detail, HTTP_DETAIL_SIZE, "connecting to %s: %s", address,
		 error ? strerror(error) : "no reason given");
	return error ? tcp_outcome(error, false) : PROBE_UNREACHABLE;
}

/* What failed after connecting, or before there was anything to connect. */
static enum probe_outcome failed(const struct http_transfer *transfer, CURLcode code, int error)
{
	switch (code) {
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return PROBE_CLOSED;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR: /* without an errno: OpenSSL took it, or the chunks of the body make no sense */
		return error || transfer->tls ? PROBE_RESET : PROBE_UNREADABLE;
	case CURLE_UNSUPPORTED_PROTOCOL: /* no status line: curl takes it for HTTP/0.9 */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
		return PROBE_NOT_HTTP;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_SHUTDOWN_FAILED:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		return PROBE_TLS;
	case CURLE_WRITE_ERROR: /* headers without end */
		return PROBE_UNREADABLE;
	case CURLE_OUT_OF_MEMORY: /* curl's name for a header line of over 100 KB, too */
		return transfer->connected ? PROBE_UNREADABLE : PROBE_LOCAL;
	default: /* a CA file that cannot be read, say */
		return PROBE_LOCAL;
	}
}

enum probe_outcome http_transfer_outcome(struct http_transfer *transfer, CURLcode code, char *detail)
{
	curl_off_t connect_us = 0, tls_us = 0;
	enum probe_outcome outcome;
	long error = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
	transfer->connected |= connect_us != 0;
	detail[0] = '\0';
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer->enough))
		return PROBE_OK;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timed_out(transfer, tls_us ? "TLS agreed" : "connected", detail);
	if (transfer->socket_error)
		return socket_failed(transfer, transfer->socket_error, detail);
	if (code == CURLE_COULDNT_CONNECT)
		return socket_failed(transfer, (int)error, detail);
	outcome = transfer->no_memory ? PROBE_LOCAL : failed(transfer, code, (int)error);
	if (transfer->headers_seen > HEADERS_MAX)
		snprintf(detail, HTTP_DETAIL_SIZE, "more than %d bytes of headers", HEADERS_MAX);
	else
		snprintf(detail, HTTP_DETAIL_SIZE, "%s: %.120s", probe_outcome_text(outcome),
			 transfer->error[0] ? transfer->error : curl_easy_strerror(code));
	return outcome;
}
