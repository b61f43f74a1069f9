// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../address.h"
#include "../clock.h"
#include "answer.h"

#define HEAD_SIZE   2048
#define ANSWER_SIZE 4096

struct connection {
	int fd; /* 0: free; descriptor 0 is never a socket of ours */
	enum responder_speech speech;
	int64_t since_ms;
	size_t head, answer, sent; /* bytes */
	char head_text[HEAD_SIZE], answer_text[ANSWER_SIZE];
};

static struct {
	int fd;
	enum responder_speech speech;
} listeners[RESPONDER_LISTENERS];
static unsigned n_listeners;
static struct connection connections[RESPONDER_CONNECTIONS];
static int epoll_fd;

int responder_listen(enum responder_speech speech, const struct muster_addr *addr, uint16_t port)
{
	_cleanup_(closep) int fd = -1;
	struct sockaddr_storage at;
	socklen_t length;
	int on = 1;

	if (n_listeners == RESPONDER_LISTENERS)
		return -ENOSPC;
	length = address_to_sockaddr(addr, htons(port), &at);
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at.ss_family == AF_INET6) /* [::] and 0.0.0.0 can both be listened on */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, length) < 0 || listen(fd, RESPONDER_CONNECTIONS) < 0)
		return -errno;
	listeners[n_listeners].speech = speech;
	listeners[n_listeners++].fd = TAKE_FD(fd);
	return 0;
}

static void drop(struct connection *connection)
{
	close(connection->fd);
	connection->fd = 0;
}

/* A free place, or that of the oldest connection: a client that only holds its place cannot keep the others out. */
static struct connection *make_place(void)
{
	struct connection *oldest = connections;
	unsigned i;

	for (i = 0; i < RESPONDER_CONNECTIONS; i++) {
		if (!connections[i].fd)
			return &connections[i];
		if (connections[i].since_ms < oldest->since_ms)
			oldest = &connections[i];
	}
	drop(oldest);
	return oldest;
}

static void wait_for(struct connection *connection, uint32_t events, int op)
{
	struct epoll_event event = {.events = events, .data.u32 = RESPONDER_LISTENERS};

	event.data.u32 += connection - connections;
	if (epoll_ctl(epoll_fd, op, connection->fd, &event) < 0)
		drop(connection);
}

static void prepare_answer(struct connection *connection, const struct responder_source *source)
{
	struct responder_clock clock = {clock_wall_ms(), clock_now_ms()};
	static char metrics[ANSWER_SIZE - 512];
	struct responder_reading reading;
	int r = responder_source_read(source, &reading);

	if (connection->speech == RESPONDER_HTTP) {
		if (!r)
			responder_metrics(&reading, &clock, metrics, sizeof(metrics));
		connection->answer = responder_http(connection->head_text, r ? NULL : metrics, connection->answer_text,
						    sizeof(connection->answer_text));
	} else if (!r) {
		connection->answer =
			responder_agent_line(&reading, connection->answer_text, sizeof(connection->answer_text));
	} else { /* nothing of health or weight: the service may be fine */
		strcpy(connection->answer_text, "#memory cannot be read\n");
		connection->answer = strlen(connection->answer_text);
	}
}

/* The answer was sent when our FIN follows it; the client's own end is waited for, so that no RST overtakes it. */
static void send_answer(struct connection *connection)
{
	ssize_t n = send(connection->fd, connection->answer_text + connection->sent,
			 connection->answer - connection->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(connection);
		return;
	}
	connection->sent += MAX(n, 0);
	if (connection->sent < connection->answer) {
		wait_for(connection, EPOLLOUT, EPOLL_CTL_MOD);
		return;
	}
	shutdown(connection->fd, SHUT_WR);
	wait_for(connection, EPOLLIN, EPOLL_CTL_MOD);
}

static void receive(struct connection *connection, const struct responder_source *source)
{
	size_t room = HEAD_SIZE - 1 - connection->head;
	static char ignored[HEAD_SIZE];
	bool answered = connection->answer;
	ssize_t n;

	n = recv(connection->fd, answered ? ignored : connection->head_text + connection->head,
		 answered ? sizeof(ignored) : room, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(connection);
		return;
	}
	if (answered)
		return;
	connection->head += n;
	connection->head_text[connection->head] = '\0';
	if (connection->head == HEAD_SIZE - 1) {
		drop(connection);
	} else if (strstr(connection->head_text, "\r\n\r\n") || strstr(connection->head_text, "\n\n")) {
		prepare_answer(connection, source);
		send_answer(connection);
	}
}

static void take_in(unsigned listener, const struct responder_source *source)
{
	struct connection *connection;
	int fd = accept4(listeners[listener].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return; /* gone already, or no memory in the kernel: the next one, or the next try, may do */
	connection = make_place();
	connection->fd = fd;
	connection->speech = listeners[listener].speech;
	connection->since_ms = clock_now_ms();
	connection->head = connection->answer = connection->sent = 0;
	wait_for(connection, EPOLLIN, EPOLL_CTL_ADD);
	/* An agent-check client may send a string, or nothing: the line is said at once. */
	if (connection->fd && connection->speech == RESPONDER_AGENT) {
		prepare_answer(connection, source);
		send_answer(connection);
	}
}

static void on_event(const struct epoll_event *event, const struct responder_source *source)
{
	struct connection *connection;

	if (event->data.u32 < RESPONDER_LISTENERS) {
		take_in(event->data.u32, source);
		return;
	}
	connection = &connections[event->data.u32 - RESPONDER_LISTENERS];
	if (!connection->fd)
		return;
	if (event->events & EPOLLERR)
		drop(connection);
	else if (event->events & EPOLLOUT)
		send_answer(connection);
	else
		receive(connection, source);
}

/* Drops who was idle too long; returns how long until the next one is, -1 when nobody is there. */
static int expire(int64_t now_ms)
{
	int64_t left_ms = -1, mine_ms;
	unsigned i;

	for (i = 0; i < RESPONDER_CONNECTIONS; i++) {
		if (!connections[i].fd)
			continue;
		mine_ms = connections[i].since_ms + RESPONDER_IDLE_MS - now_ms;
		if (mine_ms <= 0)
			drop(&connections[i]);
		else if (left_ms < 0 || mine_ms < left_ms)
			left_ms = mine_ms;
	}
	return (int)left_ms;
}

int responder_serve(const struct responder_source *source)
{
	struct epoll_event event = {.events = EPOLLIN};
	unsigned i;
	int n;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -errno;
	for (i = 0; i < n_listeners; i++) {
		event.data.u32 = i;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[i].fd, &event) < 0)
			return -errno;
	}
	for (;;) {
		/* One event a turn: none can be left over of a connection that another one's event has dropped. */
		n = epoll_wait(epoll_fd, &event, 1, expire(clock_now_ms()));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			on_event(&event, source);
	}
}
