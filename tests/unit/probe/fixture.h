/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A prober on a loop of its own, and the results it gave. */
#ifndef TESTS_PROBE_FIXTURE_H
#define TESTS_PROBE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "address.h"
#include "clock.h"
#include "probe/probe.h"
#include "server.h"

#define FIXTURE_RESULTS 512

struct fixture {
	sd_event *event;
	struct prober *prober;
	struct probe_result results[FIXTURE_RESULTS];
	unsigned n;
	void (*on_result)(struct fixture *fixture, const struct probe_result *result);
	void *context;
};

static inline void fixture_done(void *context, const struct probe_result *result)
{
	struct fixture *fixture = context;

	if (fixture->n < FIXTURE_RESULTS)
		fixture->results[fixture->n++] = *result;
	if (fixture->on_result)
		fixture->on_result(fixture, result);
}

static inline void fixture_start(struct fixture *fixture)
{
	*fixture = (struct fixture){};
	assert_true(sd_event_new(&fixture->event) >= 0);
	assert_int_equal(prober_new(&fixture->prober, fixture->event, fixture_done, fixture), 0);
}

static inline void fixture_stop(struct fixture *fixture)
{
	prober_free(&fixture->prober);
	fixture->event = sd_event_unref(fixture->event);
}

/* Runs the loop until there are `wanted` results, or for ms. Returns how many there are. */
static inline unsigned fixture_run(struct fixture *fixture, unsigned wanted, int64_t ms)
{
	int64_t until = clock_now_ms() + ms, now;

	while (fixture->n < wanted && (now = clock_now_ms()) < until)
		assert_true(sd_event_run(fixture->event, (uint64_t)(until - now) * 1000) >= 0);
	return fixture->n;
}

static inline struct muster_addr loopback(bool v6)
{
	struct muster_addr addr;

	assert_int_equal(address_parse(v6 ? "::1" : "127.0.0.1", &addr), 0);
	return addr;
}

/* One check or memory probe, run once. */
static inline struct probe_result probe_once(const struct probe_spec *spec)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct probe_result result;

	fixture_start(fixture);
	assert_int_equal(prober_set(fixture->prober, spec, 1, true), 0);
	assert_int_equal(fixture_run(fixture, 1, 5000), 1);
	result = fixture->results[0];
	fixture_stop(fixture);
	free(fixture);
	return result;
}

static inline struct probe_result check_once(const struct check_conf *check, uint16_t port, bool v6)
{
	return probe_once(&(struct probe_spec){.addr = loopback(v6), .port = port, .check = check});
}

static inline void assert_outcome(const struct probe_result *result, enum probe_outcome outcome, const char *detail)
{
	if (result->outcome != outcome || !strstr(result->detail, detail))
		fail_msg("the probe ended as %s (\"%s\"), not as %s with \"%s\" in the detail",
			 probe_outcome_name(result->outcome), result->detail, probe_outcome_name(outcome), detail);
}

/* A port of loopback that nobody listens on, and one whose queue is full so that no SYN is answered. */
static inline uint16_t port_closed(void)
{
	uint16_t port = 1;

	close(server_listen(false, 1, &port));
	return port;
}

struct full_queue {
	uint16_t port;
	int fd, fillers[4];
};

static inline void full_queue_start(struct full_queue *queue)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned i;

	queue->fd = server_listen(false, 0, &queue->port);
	to.sin_port = htons(queue->port);
	for (i = 0; i < 4; i++) {
		queue->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(queue->fillers[i], (struct sockaddr *)&to, sizeof(to));
	}
	usleep(50000);
}

static inline void full_queue_stop(struct full_queue *queue)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		close(queue->fillers[i]);
	close(queue->fd);
}

#endif
