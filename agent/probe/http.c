// SPDX-License-Identifier: GPL-2.0-or-later
#include "http.h"

#include <sys/socket.h>

#include "../log.h"

/* Takes the ended transfers out, and only then tells their owners: no owner is called from inside curl. */
static void collect(struct http *http)
{
	char detail[HTTP_DETAIL_SIZE];
	struct http_transfer *transfer;
	enum probe_outcome outcome;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		CURLcode code = message->data.result;
		CURL *easy = message->easy_handle;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
		outcome = http_transfer_outcome(transfer, code, detail);
		curl_multi_remove_handle(http->multi, easy);
		transfer->running = false;
		transfer->done(transfer, outcome, detail, transfer->context);
	}
}

static void act(struct http *http, curl_socket_t fd, int events)
{
	CURLMcode code;
	int running;

	code = curl_multi_socket_action(http->multi, fd, events, &running);
	if (code != CURLM_OK)
		log_debug("curl cannot act on socket %d: %s; the probe's timeout ends it", fd,
			  curl_multi_strerror(code));
	collect(http);
}

static void on_timer(struct timer *timer, void *context)
{
	(void)timer;
	act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct http *http = context;

	(void)multi;
	if (timeout_ms < 0)
		timer_unset(http->timers, &http->timer);
	else
		timer_set(http->timers, &http->timer, timers_now_us() + timeout_ms * 1000, on_timer, http);
	return 0;
}

static void on_socket(int fd, uint32_t events, void *context)
{
	int what = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	act(context, fd, what);
}

/* A socket that cannot be watched is not fatal: curl may have closed it already, and else the timeout ends the probe. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	struct http_transfer *transfer;
	struct http *http = context;
	uint32_t events = 0;

	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		watch_drop(http->watch, fd);
		return 0;
	}
	/* curl waits for writing alone while it connects; its own connect time stays 0 until TLS is through. */
	if (what == CURL_POLL_IN && curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) == CURLE_OK)
		transfer->connected = true;
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	watch_set(http->watch, fd, events, on_socket, http);
	return 0;
}

/* We open and close curl's sockets: close-on-exec is certain, and a watch ends before its fd can be another's. */
curl_socket_t http_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *transfer = context;
	int fd;

	(void)purpose;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	if (fd < 0) {
		transfer->socket_error = errno;
		return CURL_SOCKET_BAD;
	}
	return fd;
}

int http_close_socket(void *context, curl_socket_t fd)
{
	struct http *http = context;

	watch_drop(http->watch, fd);
	return close(fd);
}

int http_init(struct http *http, struct timers *timers, struct watch *watch)
{
	*http = (struct http){.timers = timers, .watch = watch};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	http->multi = curl_multi_init();
	if (!http->multi) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	/* No connection is ever kept, so the cache of idle ones stays empty. */
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 1L);
	return 0;
}

void http_done(struct http *http)
{
	if (!http->multi)
		return;
	curl_multi_cleanup(http->multi);
	timer_unset(http->timers, &http->timer);
	curl_global_cleanup();
	*http = (struct http){};
}
