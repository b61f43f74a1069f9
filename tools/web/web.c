// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lab's web server: answers with its name, holds memory for each request it serves, and can be made to leak.
 *
 *   GET /            its name alone on the first line, then who asked
 *   GET /health      200, or what POST /health?status=503 told it to answer
 *   POST /answer?status=500   GET / answers that from now on
 *   GET /hang        accepts, and answers after a minute
 *   POST /leak?rate=BYTES_PER_S   leaks (touched) memory at that rate; 0 stops
 *   POST /warm?rate=REQUESTS_PER_S   its sessions are those of one that has long been asked so often
 *   POST /free       gives the leaked memory and the sessions back
 *
 * A datagram to the same port is answered with the name. When the memory for a request cannot be had (--memory-limit,
 * the kernel's RLIMIT_DATA), the answer is 500. With sessions (sessions.h) that is the server's end: every route answers
 * 500 from then on, until its memory is given back or it is started anew.
 *
 * SIGTERM ends it in good order: with --lame-ms it answers 503 to /health for so long, and serves on meanwhile.
 */
#include <errno.h>
#include <malloc.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "options.h"
#include "sessions.h"

#define HANG_MS           60000
#define LEAK_TICK_MS      100
#define SESSION_TICK_MS   200
#define CONNECTIONS_MOST  16384
#define HEAP_RESERVE      (4u << 20) /* stays with malloc, so that a 500 can still be sent when memory is out */
#define UDP_BATCH         64
#define CONNECTION_MEMORY 4096

/* One request from its headers to its answer. */
struct request {
	struct request *prev, *next; /* in the order of due_ms */
	struct MHD_Connection *connection;
	void *memory;
	int64_t due_ms;
	bool held, ready;
};

static struct {
	unsigned health_status, status;
	uint64_t leak_bytes_per_s;
	struct leak *leaked;
	struct sessions sessions;
	struct request held; /* list head */
	int timer_fd, leak_fd, session_fd, stop_fd;
	struct MHD_Daemon *daemon;
} web = {.health_status = 200, .status = 200, .held = {.prev = &web.held, .next = &web.held}};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void die(const char *doing)
{
	fprintf(stderr, "web %s: %s: %s\n", conf.name ? conf.name : "?", doing, strerror(errno));
	exit(1);
}

static void timer_arm(int fd, int64_t first_ms, int64_t every_ms)
{
	struct itimerspec spec = {
		.it_value = {.tv_sec = first_ms / 1000, .tv_nsec = first_ms % 1000 * 1000000},
		.it_interval = {.tv_sec = every_ms / 1000, .tv_nsec = every_ms % 1000 * 1000000},
	};

	if (timerfd_settime(fd, 0, &spec, NULL) < 0)
		die("setting a timer");
}

static void timer_drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		die("reading a timer");
}

/* --- requests held for a while ------------------------------------------------------------------------------- */

static void hold(struct request *request, int64_t ms)
{
	struct request *after = web.held.prev;
	int64_t now = now_ms();

	request->due_ms = now + ms;
	while (after != &web.held && after->due_ms > request->due_ms)
		after = after->prev;
	request->prev = after;
	request->next = after->next;
	after->next->prev = request;
	after->next = request;
	request->held = true;
	MHD_suspend_connection(request->connection);
	if (web.held.next == request)
		timer_arm(web.timer_fd, ms > 0 ? ms : 1, 0);
}

static void release(struct request *request)
{
	request->prev->next = request->next;
	request->next->prev = request->prev;
	request->held = false;
	request->ready = true;
	MHD_resume_connection(request->connection);
}

static void release_due(void)
{
	int64_t now = now_ms();

	timer_drain(web.timer_fd);
	while (web.held.next != &web.held && web.held.next->due_ms <= now)
		release(web.held.next);
	if (web.held.next != &web.held)
		timer_arm(web.timer_fd, web.held.next->due_ms - now, 0);
}

static void leak_set(uint64_t bytes_per_s)
{
	web.leak_bytes_per_s = bytes_per_s;
	timer_arm(web.leak_fd, bytes_per_s ? LEAK_TICK_MS : 0, bytes_per_s ? LEAK_TICK_MS : 0);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text)
{
	char peer[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?", body[256];
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct MHD_Response *response;
	enum MHD_Result result;
	int length;

	if (info)
		getnameinfo(info->client_addr, sizeof(struct sockaddr_in6), peer, sizeof(peer), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	length = snprintf(body, sizeof(body), "%s\nclient %s port %s\n%s", conf.name,
			  strncmp(peer, "::ffff:", 7) ? peer : peer + 7, port, text);
	response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result out_of_memory(struct MHD_Connection *connection)
{
	return answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
}

static enum MHD_Result serve(struct request *request)
{
	if (request->ready)
		return answer(request->connection, web.status, "");
	if (conf.session_memory_bytes && !sessions_open(&web.sessions, now_ms()))
		return out_of_memory(request->connection);
	if (conf.request_memory_bytes) {
		request->memory = memory_take(conf.request_memory_bytes);
		if (!request->memory)
			return out_of_memory(request->connection);
	}
	if (!conf.hold_ms)
		return answer(request->connection, web.status, "");
	hold(request, conf.hold_ms);
	return MHD_YES;
}

static enum MHD_Result command(struct MHD_Connection *connection, const char *path)
{
	const char *rate = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "rate");
	const char *status = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "status");

	if (!strcmp(path, "/leak") && rate)
		leak_set(strtoull(rate, NULL, 10));
	else if (!strcmp(path, "/warm") && rate && conf.session_memory_bytes && atoi(rate) > 0)
		sessions_warm(&web.sessions, atoi(rate), now_ms());
	else if (!strcmp(path, "/free"))
		leak_free(&web.leaked), sessions_free(&web.sessions);
	else if (!strcmp(path, "/health") && status && atoi(status) >= 100 && atoi(status) <= 599)
		web.health_status = atoi(status);
	else if (!strcmp(path, "/answer") && status && atoi(status) >= 200 && atoi(status) <= 599)
		web.status = atoi(status);
	else
		return answer(connection, MHD_HTTP_NOT_FOUND, "no such command\n");
	return answer(connection, MHD_HTTP_OK, "done\n");
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct request *request = *state;

	(void)context, (void)version, (void)upload;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->connection = connection;
		*state = request;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (!strcmp(method, "POST"))
		return command(connection, path);
	if (web.sessions.exhausted)
		return out_of_memory(connection);
	if (!strcmp(path, "/"))
		return serve(request);
	if (!strcmp(path, "/health"))
		return answer(connection, web.health_status, "");
	if (!strcmp(path, "/hang")) {
		if (request->ready)
			return answer(connection, MHD_HTTP_OK, "");
		hold(request, HANG_MS);
		return MHD_YES;
	}
	return answer(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
}

static void handled(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	struct request *request = *state;

	(void)context, (void)connection, (void)why;
	if (!request)
		return;
	if (request->memory)
		memory_give(request->memory, conf.request_memory_bytes);
	free(request);
	*state = NULL;
}

static void udp_echo(int fd)
{
	struct sockaddr_in6 from;
	char buf[2048];
	int length = snprintf(buf, sizeof(buf), "%s\n", conf.name);

	for (int i = 0; i < UDP_BATCH; i++) {
		socklen_t size = sizeof(from);
		char in[2048];

		if (recvfrom(fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &size) < 0)
			return;
		sendto(fd, buf, length, MSG_DONTWAIT, (struct sockaddr *)&from, size);
	}
}

/* --- start --------------------------------------------------------------------------------------------------- */

static int open_socket(int type)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(conf.port), .sin6_addr = in6addr_any};
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), off = 0, on = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || (type == SOCK_STREAM && listen(fd, 4096) < 0))
		die("listening");
	return fd;
}

static void raise_limits(void)
{
	struct rlimit files;
	struct rlimit data = {conf.memory_limit_bytes, conf.memory_limit_bytes};
	void *reserve;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("raising the limit on open files");
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	reserve = malloc(HEAP_RESERVE);
	free(reserve);
	if (conf.memory_limit_bytes && setrlimit(RLIMIT_DATA, &data) < 0)
		die("limiting memory");
}

/* The first SIGTERM begins the end; when its timer is over, that is it. */
static void begin_end(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (!conf.lame_ms)
		exit(0);
	web.health_status = MHD_HTTP_SERVICE_UNAVAILABLE;
	alarm((conf.lame_ms + 999) / 1000);
}

static int open_stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("watching a socket");
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), udp;

	web_options_parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	web.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	web.leak_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	web.session_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	web.stop_fd = open_stop();
	udp = open_socket(SOCK_DGRAM);
	if (conf.session_memory_bytes)
		timer_arm(web.session_fd, SESSION_TICK_MS, SESSION_TICK_MS);
	web.daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, handle,
				      NULL, MHD_OPTION_LISTEN_SOCKET, open_socket(SOCK_STREAM),
				      MHD_OPTION_NOTIFY_COMPLETED, handled, NULL, MHD_OPTION_CONNECTION_LIMIT,
				      CONNECTIONS_MOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				      MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
	if (epoll < 0 || web.timer_fd < 0 || web.leak_fd < 0 || web.session_fd < 0 || web.stop_fd < 0 || !web.daemon)
		die("starting");
	watch(epoll, MHD_get_daemon_info(web.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	watch(epoll, web.timer_fd);
	watch(epoll, web.leak_fd);
	watch(epoll, web.session_fd);
	watch(epoll, web.stop_fd);
	watch(epoll, udp);
	for (;;) {
		MHD_UNSIGNED_LONG_LONG wait_ms;
		struct epoll_event events[8];
		int wait = MHD_get_timeout(web.daemon, &wait_ms) == MHD_YES ? (int)wait_ms : -1;
		int n = epoll_wait(epoll, events, 8, wait);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == web.timer_fd) {
				release_due();
			} else if (events[i].data.fd == web.leak_fd) {
				timer_drain(web.leak_fd);
				leak_more(&web.leaked, web.leak_bytes_per_s * LEAK_TICK_MS / 1000);
			} else if (events[i].data.fd == web.session_fd) {
				timer_drain(web.session_fd);
				sessions_end(&web.sessions, now_ms());
			} else if (events[i].data.fd == web.stop_fd) {
				begin_end(web.stop_fd);
			} else if (events[i].data.fd == udp)
				udp_echo(udp);
		}
		MHD_run(web.daemon);
	}
}
