/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server on loopback that behaves as told, for tests of probes: one thread, one connection after another. */
#ifndef TESTS_PROBE_SERVER_H
#define TESTS_PROBE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_HELD 2048

struct server {
	const char *reply; /* NULL: hang after accept */
	size_t length;     /* 0: strlen(reply) */
	unsigned drip_ms;  /* pause before each byte */
	bool reset;        /* end with a RST */
	bool deaf;         /* do not read the request first */
	bool v6;

	char request[4096]; /* the last one */
	atomic_uint accepted;
	uint16_t port;
	int fd;
	int held[SERVER_HELD]; /* connections left hanging, the oldest closed first */
	unsigned n_held;
	atomic_bool stop;
	pthread_t thread;
};

static inline bool server_readable(struct server *server, int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (; ms > 0 && !server->stop; ms -= 20)
		if (poll(&p, 1, 20) > 0)
			return true;
	return false;
}

static inline void server_send(struct server *server, int fd)
{
	size_t length = server->length ?: strlen(server->reply), at = 0;

	while (at < length && !server->stop) {
		ssize_t n = send(fd, server->reply + at, server->drip_ms ? 1 : length - at, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		if (server->drip_ms)
			usleep(server->drip_ms * 1000);
	}
}

static inline void server_serve(struct server *server, int fd)
{
	struct linger reset = {.l_onoff = 1};
	ssize_t n;

	if (!server->reply && !server->reset) {
		unsigned slot = server->n_held++ % SERVER_HELD;

		if (server->held[slot])
			close(server->held[slot]);
		server->held[slot] = fd;
		return;
	}
	if (!server->deaf && server_readable(server, fd, 2000)) {
		n = recv(fd, server->request, sizeof(server->request) - 1, 0);
		server->request[n > 0 ? n : 0] = '\0';
	}
	if (server->reply)
		server_send(server, fd);
	if (server->reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static inline void *server_main(void *context)
{
	struct server *server = context;

	while (!server->stop) {
		int fd;

		if (!server_readable(server, server->fd, 100))
			continue;
		fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		server->accepted++;
		server_serve(server, fd);
	}
	return NULL;
}

/* A listening socket with its port, backlog as given. -1 when the family is missing on this host. */
static inline int server_listen(bool v6, int backlog, uint16_t *port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *a = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t length = v6 ? sizeof(a6) : sizeof(a4);
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, a, length) < 0 || listen(fd, backlog) < 0 || getsockname(fd, a, &length) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(v6 ? a6.sin6_port : a4.sin_port);
	return fd;
}

static inline bool server_start(struct server *server)
{
	server->fd = server_listen(server->v6, 1024, &server->port);
	return server->fd >= 0 && !pthread_create(&server->thread, NULL, server_main, server);
}

static inline void server_stop(struct server *server)
{
	unsigned i;

	server->stop = true;
	pthread_join(server->thread, NULL);
	close(server->fd);
	for (i = 0; i < SERVER_HELD; i++)
		if (server->held[i])
			close(server->held[i]);
}

#endif
