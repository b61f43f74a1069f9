// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Load for the lab: opens connections to one address, asks GET / on each, and counts what comes back, by the name on
 * the answer's first line.
 *
 * Without --keepalive each request asks for Connection: close, so that the server closes first and the client keeps
 * no TIME_WAIT. Exit status: 0 whatever failed; 1 the load itself could not be made.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "arrivals.h"
#include "connection.h"
#include "options.h"
#include "report.h"

#define CONNECTIONS_MOST 16384

static struct {
	int epoll;
	FILE *log;
	struct tally tally;
	struct queue waiting, pacing;
	struct arrivals arrivals;
	uint64_t open;
	bool ending; /* nobody asks again */
} run = {.tally.last_server = -1};

static volatile sig_atomic_t stop;

static int64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void die(const char *doing)
{
	fprintf(stderr, "load: %s: %s\n", doing, strerror(errno));
	exit(1);
}

/* --- how a request ends: here only --------------------------------------------------------------------------- */

static void tell_ending(const struct connection *c, enum result result, int error)
{
	struct ending ending = {
		.wall_ms = clock_us(CLOCK_REALTIME) / 1000,
		.opened_ms = c->opened_wall_ms,
		.result = result,
		.error = error,
		.requests = c->asked,
	};

	if (result == RESULT_OK && !conf.log_all)
		return;
	ending_source(&ending, c->fd);
	if (c->server >= 0)
		memcpy(ending.server, run.tally.servers[c->server].name, sizeof(ending.server));
	if (result != RESULT_OK)
		tally_failure(&run.tally, &ending);
	if (run.log) {
		ending_json(run.log, &ending);
		fputc('\n', run.log);
	}
}

static void finish_request(struct connection *c, enum result result)
{
	run.tally.results[result]++;
	if (result == RESULT_OK) {
		histogram_add(&run.tally.latency, clock_us(CLOCK_MONOTONIC) - c->asked_us);
		if (c->server >= 0)
			run.tally.servers[c->server].requests++;
	} else if (c->server >= 0) {
		run.tally.servers[c->server].failed++;
	}
}

static void end_connection(struct connection *c, enum result result, int error)
{
	tell_ending(c, result, error);
	queue_leave(c);
	close(c->fd);
	free(c);
	run.open--;
}

static void close_connection(struct connection *c)
{
	end_connection(c, RESULT_OK, 0);
}

static void fail_connection(struct connection *c, enum result result, int error)
{
	finish_request(c, result);
	end_connection(c, result, error);
}

/* --- one connection ------------------------------------------------------------------------------------------ */

static bool last_request(const struct connection *c)
{
	return !conf.keepalive || (conf.requests_per_connection && c->asked >= conf.requests_per_connection);
}

static void ask(struct connection *c)
{
	char text[512];
	int64_t now = clock_us(CLOCK_MONOTONIC);
	int length;

	c->asked_us = c->asked ? now : c->opened_us;
	c->asked++;
	c->filled = 0;
	c->phase = PHASE_WAITING;
	queue_enter(&run.waiting, c, now + conf.timeout_us);
	length = conf.udp ? snprintf(text, sizeof(text), "who\n")
			  : snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: lab\r\n%s\r\n", conf.path,
				     last_request(c) ? "Connection: close\r\n" : "");
	if (send(c->fd, text, length, MSG_NOSIGNAL) != length)
		fail_connection(c, conf.udp || errno != EPIPE ? RESULT_RESET : RESULT_CLOSED_EARLY, errno);
}

static void meet_server(struct connection *c, const char *name)
{
	char clean[SERVER_NAME_SIZE];
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

	if (c->server >= 0)
		return;
	if (n >= sizeof(clean))
		n = sizeof(clean) - 1;
	memcpy(clean, name, n);
	clean[n] = 0;
	c->server = tally_server(&run.tally, n ? clean : "unnamed");
	if (c->server >= 0)
		tally_connection(&run.tally, c->server);
}

static void answered(struct connection *c, const char *body, unsigned status)
{
	int64_t now = clock_us(CLOCK_MONOTONIC);

	meet_server(c, body);
	if (status != 200) {
		fail_connection(c, RESULT_NOT_200, 0);
		return;
	}
	finish_request(c, RESULT_OK);
	if (conf.udp) {
		close_connection(c);
	} else if (run.ending && conf.keepalive) {
		close_connection(c);
	} else if (last_request(c)) {
		c->phase = PHASE_CLOSING;
		queue_enter(&run.waiting, c, now + conf.timeout_us);
	} else if (conf.pace_us) {
		c->phase = PHASE_PACING;
		queue_enter(&run.pacing, c, now + conf.pace_us);
	} else {
		ask(c);
	}
}

/* Whether the answer so far is whole; then *body and *status are set. */
static bool parse_answer(struct connection *c, const char **body, unsigned *status)
{
	char *end, *length;

	c->answer[c->filled] = 0;
	*body = c->answer;
	*status = 200;
	if (conf.udp)
		return true;
	end = strstr(c->answer, "\r\n\r\n");
	if (!end || sscanf(c->answer, "HTTP/1.%*1u %3u", status) != 1)
		return false;
	*body = end + 4;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	return length && length < end && c->filled >= (size_t)(*body - c->answer) + strtoul(length + 17, NULL, 10);
}

static void readable(struct connection *c)
{
	const char *body;
	unsigned status;
	ssize_t n = recv(c->fd, c->answer + c->filled, sizeof(c->answer) - 1 - c->filled, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && c->phase == PHASE_WAITING) {
		c->filled += n;
		if (parse_answer(c, &body, &status))
			answered(c, body, status);
		else if (c->filled == sizeof(c->answer) - 1)
			fail_connection(c, RESULT_NOT_200, 0);
	} else if (c->phase == PHASE_CLOSING && n <= 0) {
		/* All asked was answered. A reset in place of the close loses nothing, and is no request's failure. */
		close_connection(c);
	} else {
		fail_connection(c, n < 0 ? RESULT_RESET : RESULT_CLOSED_EARLY, n < 0 ? errno : 0);
	}
}

static void handle(struct connection *c, uint32_t events)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
	socklen_t size = sizeof(int);
	int error = 0;

	if (c->phase != PHASE_CONNECTING) {
		readable(c);
		return;
	}
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error || events & EPOLLHUP) {
		fail_connection(c, RESULT_CONNECT_ERROR, error);
		return;
	}
	epoll_ctl(run.epoll, EPOLL_CTL_MOD, c->fd, &event);
	ask(c);
}

static int open_socket(const struct sockaddr_storage *source)
{
	int fd = socket(conf.target.ss_family, (conf.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (!conf.udp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* The port is chosen at connect(), by the whole 4-tuple; the option's number serves both families. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (source && bind(fd, (const struct sockaddr *)source, conf.target_size) < 0)
		die("binding a source address");
	return fd;
}

/* False when it failed at once. */
static bool open_connection(void)
{
	const struct sockaddr_storage *source =
		conf.n_sources ? &conf.sources[run.tally.connections % conf.n_sources] : NULL;
	struct connection *c = calloc(1, sizeof(*c));
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};

	if (!c)
		die("opening a connection");
	c->fd = open_socket(source);
	c->server = -1;
	c->opened_us = c->asked_us = clock_us(CLOCK_MONOTONIC);
	c->opened_wall_ms = clock_us(CLOCK_REALTIME) / 1000;
	run.tally.connections++;
	run.open++;
	if (c->fd < 0)
		die("opening a socket");
	queue_enter(&run.waiting, c, c->opened_us + conf.timeout_us);
	if (connect(c->fd, (struct sockaddr *)&conf.target, conf.target_size) < 0 && errno != EINPROGRESS) {
		fail_connection(c, errno == EADDRNOTAVAIL ? RESULT_NO_LOCAL_PORT : RESULT_CONNECT_ERROR, errno);
		return false;
	}
	if (conf.udp)
		event.events = EPOLLIN;
	if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die("watching a socket");
	if (conf.udp)
		ask(c);
	return true;
}

/* --- the whole load ------------------------------------------------------------------------------------------ */

static void expire(int64_t now_us)
{
	while (run.waiting.first && run.waiting.first->due_us <= now_us) {
		struct connection *c = run.waiting.first;

		if (c->phase == PHASE_CLOSING)
			close_connection(c);
		else
			fail_connection(c, RESULT_TIMEOUT, 0);
	}
	while (run.pacing.first && run.pacing.first->due_us <= now_us)
		ask(run.pacing.first);
}

/* Opens what is due; returns false when no more will be opened. */
static bool open_due(int64_t start_us, int64_t now_us)
{
	uint64_t due;

	if (stop || (conf.duration_us && now_us - start_us >= conf.duration_us))
		return false;
	due = arrivals_due(&run.arrivals, now_us - start_us);
	while (run.tally.connections < due && run.open < (conf.rate ? CONNECTIONS_MOST : conf.connections)) {
		if (conf.count && run.tally.connections >= conf.count)
			return false;
		if (!open_connection())
			break; /* failed at once: the next in a millisecond, at the earliest */
	}
	return true;
}

static void drive(void)
{
	int64_t start = clock_us(CLOCK_MONOTONIC), shown = start;
	uint64_t opened_before = 0;
	bool tty = isatty(STDERR_FILENO), opening = true;

	while (opening || run.open) {
		struct epoll_event events[256];
		int64_t now = clock_us(CLOCK_MONOTONIC);
		int n;

		opening = opening && open_due(start, now);
		run.ending = !opening && (stop || !conf.requests_per_connection || !conf.count);
		expire(now);
		/* Connections that only wait for their next turn end with the load. */
		while (run.ending && run.pacing.first)
			close_connection(run.pacing.first);
		n = epoll_wait(run.epoll, events, 256,
			       opening || run.open ? arrivals_wait_ms(&run.arrivals, now - start) : 0);
		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr, events[i].events);
		if (tty && now - shown >= 1000000) {
			report_progress(stderr, &run.tally, (now - start) / 1e6, opened_before);
			opened_before = run.tally.connections;
			shown = now;
		}
	}
	if (tty)
		fprintf(stderr, "\r\033[K");
	(conf.json ? report_json : report_table)(stdout, &run.tally, (clock_us(CLOCK_MONOTONIC) - start) / 1e6);
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	stop = 1;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct sigaction action = {.sa_handler = on_signal};

	load_options_parse(argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("raising the limit on open files");
	if (conf.log_file && !(run.log = fopen(conf.log_file, "w")))
		die(conf.log_file);
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll < 0)
		die("starting epoll");
	drive();
	if (run.log && fclose(run.log))
		die(conf.log_file);
	return 0;
}
