// SPDX-License-Identifier: GPL-2.0-or-later
#include "api.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "../log.h"
#include "api_call.h"

#define API_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 2)
#define ROUNDS       32 /* of the daemon in one turn of the loop; the rest in the next, after the probes */

static void log_daemon(void *context, const char *format, va_list ap)
{
	char line[512];

	(void)context;
	vsnprintf(line, sizeof(line), format, ap);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("control socket: %s", line);
}

void api_kick(struct api *api)
{
	sd_event_source_set_enabled(api->kick, SD_EVENT_ONESHOT);
}

static unsigned connections(struct api *api)
{
	return MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* Runs the daemon while it has something to do at once, then sets the timer to its next wish. */
static void api_run(struct api *api)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	enum MHD_Result wish = MHD_YES;
	bool freed = false;

	for (unsigned round = 0; round < ROUNDS && (freed || (wish == MHD_YES && wait_ms == 0)); round++) {
		unsigned before = connections(api);

		MHD_run(api->daemon);
		wish = MHD_get_timeout(api->daemon, &wait_ms);
		/* At its limit it stops listening, and listens again only in the run after one that closed some. */
		freed = connections(api) < before;
	}
	if (freed || (wish == MHD_YES && wait_ms == 0))
		api_kick(api);
	if (wish != MHD_YES) {
		sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(api->timer, wait_ms * 1000);
	sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	api_run(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *userdata)
{
	(void)source;
	(void)now_us;
	api_run(userdata);
	return 0;
}

static int on_kick(sd_event_source *source, void *userdata)
{
	(void)source;
	api_run(userdata);
	return 0;
}

static int start_daemon(struct api *api)
{
	/* ITC comes with suspend and resume: it makes the epoll fd readable when a connection is resumed. */
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	api->daemon = MHD_start_daemon(flags, 0, NULL, NULL, call_handle, api, MHD_OPTION_EXTERNAL_LOGGER, log_daemon,
				       NULL, MHD_OPTION_LISTEN_SOCKET, api->socket.fd, MHD_OPTION_NOTIFY_COMPLETED,
				       call_completed, api, MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS,
				       MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)API_IDLE_S,
				       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEADER_BYTES, MHD_OPTION_END);
	if (!api->daemon)
		return errno ? -errno : -ENOMEM;
	api->socket.fd = -1; /* the daemon closes it */
	return 0;
}

static int join_loop(struct api *api, sd_event *event)
{
	int fd = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	int err = sd_event_add_io(event, &api->io, fd, EPOLLIN, on_io, api);

	if (err >= 0)
		err = sd_event_add_time_relative(event, &api->timer, CLOCK_MONOTONIC, 0, 100000, on_timer, api);
	if (err >= 0)
		err = sd_event_add_defer(event, &api->kick, on_kick, api);
	if (err < 0)
		return err;
	/* Probes and the sync come first: operators can wait a moment, clients of a dead server cannot. */
	sd_event_source_set_priority(api->io, API_PRIORITY);
	sd_event_source_set_priority(api->timer, API_PRIORITY);
	sd_event_source_set_priority(api->kick, API_PRIORITY);
	return 0;
}

int api_new(struct api **out, sd_event *event, const struct api_conf *conf, const struct api_route *routes,
	    void *context, char *why, size_t n)
{
	_cleanup_(api_free) struct api *api = calloc(1, sizeof(*api));
	int err;

	if (!api)
		return -ENOMEM;
	api->socket.fd = -1;
	api->routes = routes;
	api->context = context;
	err = api_socket_open(&api->socket, conf, why, n);
	if (err < 0)
		return err;
	err = start_daemon(api);
	if (err == 0)
		err = join_loop(api, event);
	if (err < 0) {
		snprintf(why, n, "control socket %s: starting the server: %s", conf->socket, strerror(-err));
		return err;
	}
	*out = TAKE_PTR(api);
	return 0;
}

/* The daemon must not be stopped over suspended connections; calls whose handlers still hold them live on. */
static void end_calls(struct api *api)
{
	api->closing = true;
	for (struct api_call *call = api->calls; call; call = call->next)
		call_resume(call);
	MHD_stop_daemon(api->daemon);
	for (struct api_call *next, *call = api->calls; call; call = next) {
		next = call->next;
		call->api = NULL;
		call->connection = NULL;
	}
}

void api_free(struct api **apip)
{
	struct api *api = TAKE_PTR(*apip);

	if (!api)
		return;
	if (api->daemon)
		end_calls(api);
	sd_event_source_disable_unref(api->io);
	sd_event_source_disable_unref(api->timer);
	sd_event_source_disable_unref(api->kick);
	api_socket_close(&api->socket);
	free(api);
}
