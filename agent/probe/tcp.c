// SPDX-License-Identifier: GPL-2.0-or-later
#include "tcp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../address.h"

static void on_socket(int fd, uint32_t events, void *context);

enum probe_outcome tcp_outcome(int error, bool connected)
{
	switch (error) {
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case ETIMEDOUT:
		return connected ? PROBE_TIMEOUT : PROBE_CONNECT_TIMEOUT;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case ENONET:
		return PROBE_UNREACHABLE;
	case ECONNRESET: /* a RST that answers a SYN is ECONNREFUSED: this one came after the handshake */
	case EPIPE:
		return PROBE_RESET;
	default:
		return PROBE_LOCAL;
	}
}

void tcp_stop(struct tcp_exchange *exchange)
{
	timer_unset(exchange->timers, &exchange->deadline);
	if (!exchange->open)
		return;
	watch_drop(exchange->watch, exchange->fd);
	close(exchange->fd);
	exchange->open = false;
}

static void end(struct tcp_exchange *exchange, enum probe_outcome outcome, const char *detail)
{
	tcp_stop(exchange);
	exchange->done(exchange, outcome, detail, exchange->context);
}

static void end_errno(struct tcp_exchange *exchange, const char *doing, int error)
{
	char text[ADDRESS_TEXT_SIZE], detail[160];

	snprintf(detail, sizeof(detail), "%s %s: %s", doing,
		 address_port_format(&exchange->request.addr, htons(exchange->request.port), text), strerror(error));
	end(exchange, tcp_outcome(error, exchange->connected), detail);
}

static void on_deadline(struct timer *timer, void *context)
{
	struct tcp_exchange *exchange = context;
	char detail[160];

	(void)timer;
	if (exchange->connected) {
		snprintf(detail, sizeof(detail), "connected, but no whole line within %u ms (%zu bytes came)",
			 exchange->request.timeout_ms, exchange->length);
		end(exchange, PROBE_TIMEOUT, detail);
	} else {
		snprintf(detail, sizeof(detail), "no answer to connect within %u ms", exchange->request.timeout_ms);
		end(exchange, PROBE_CONNECT_TIMEOUT, detail);
	}
}

/* Whatever came counts as the line once its end, or the end of the stream, was seen. */
static void end_line(struct tcp_exchange *exchange, size_t length)
{
	exchange->line[length] = '\0';
	if (length)
		end(exchange, PROBE_OK, "answered");
	else
		end(exchange, PROBE_CLOSED, "closed before it sent a line");
}

/* These two return whether the exchange goes on; when it does not, its owner may have freed it. */
static bool read_line(struct tcp_exchange *exchange)
{
	char *at = exchange->line + exchange->length;
	size_t room = sizeof(exchange->line) - 1 - exchange->length, i;
	ssize_t n;

	n = recv(exchange->fd, at, room, MSG_DONTWAIT);
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return true;
		end_errno(exchange, "reading from", errno);
		return false;
	}
	if (!n) {
		end_line(exchange, exchange->length);
		return false;
	}
	for (i = 0; i < (size_t)n; i++)
		if (at[i] == '\n' || at[i] == '\r') {
			end_line(exchange, exchange->length + i);
			return false;
		}
	exchange->length += n;
	if (exchange->length < sizeof(exchange->line) - 1)
		return true;
	end(exchange, PROBE_UNREADABLE, "its line is longer than 1022 bytes");
	return false;
}

static bool send_rest(struct tcp_exchange *exchange)
{
	const char *text = exchange->request.send;
	ssize_t n;

	n = send(exchange->fd, text + exchange->sent, strlen(text) - exchange->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end_errno(exchange, "sending to", errno);
		return false;
	}
	exchange->sent += MAX(n, 0);
	return true;
}

static bool sending(const struct tcp_exchange *exchange)
{
	return exchange->request.send && exchange->request.send[exchange->sent];
}

static void on_connected(struct tcp_exchange *exchange, uint32_t events)
{
	if (sending(exchange) && !send_rest(exchange))
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !read_line(exchange))
		return;
	watch_set(exchange->watch, exchange->fd, EPOLLIN | (sending(exchange) ? EPOLLOUT : 0u), on_socket, exchange);
}

static void on_socket(int fd, uint32_t events, void *context)
{
	struct tcp_exchange *exchange = context;
	socklen_t length = sizeof(int);
	int error = 0;

	if (!exchange->connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
			error = errno;
		if (error) {
			end_errno(exchange, "connecting to", error);
			return;
		}
		if (!(events & EPOLLOUT))
			return;
		exchange->connected = true;
		if (!exchange->request.line) {
			end(exchange, PROBE_OK, "connected");
			return;
		}
	}
	on_connected(exchange, events);
}

void tcp_start(struct tcp_exchange *exchange, const struct tcp_request *request, tcp_done_fn done, void *context)
{
	struct sockaddr_storage to;
	socklen_t length;
	int r;

	tcp_stop(exchange);
	exchange->request = *request;
	exchange->connected = false;
	exchange->sent = exchange->length = 0;
	exchange->done = done;
	exchange->context = context;

	length = address_to_sockaddr(&request->addr, htons(request->port), &to);
	exchange->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (exchange->fd < 0) {
		end_errno(exchange, "opening a socket for", errno);
		return;
	}
	exchange->open = true;
	if (connect(exchange->fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS) {
		end_errno(exchange, "connecting to", errno);
		return;
	}
	r = watch_set(exchange->watch, exchange->fd, EPOLLOUT, on_socket, exchange);
	if (r < 0) {
		end_errno(exchange, "watching the socket to", -r);
		return;
	}
	timer_set(exchange->timers, &exchange->deadline, timers_now_us() + (int64_t)request->timeout_ms * 1000,
		  on_deadline, exchange);
}
