// SPDX-License-Identifier: GPL-2.0-or-later
/* Netlink's events on the loop. Neighbours are taken as they come; the rest is gathered, and looked at once it settles. */
#include "inside.h"

#include <fcntl.h>

#include "../clock.h"
#include "../log.h"

#define SETTLE_MS      20  /* a burst of events is one look */
#define SETTLE_BUSY_MS 250 /* and where routes change all the time, no more than this often */
#define TICK_MS        1000
#define LINKS_EVERY_S  2 /* a program attached by a bpf_link comes and goes without an event */

static int set_timer(struct kernel *kernel, sd_event_source **source, uint64_t after_ms,
		     sd_event_time_handler_t handler)
{
	int r;

	if (!*source)
		return sd_event_add_time_relative(kernel->event, source, CLOCK_MONOTONIC, after_ms * 1000, 1000,
						  handler, kernel);
	r = sd_event_source_set_time_relative(*source, after_ms * 1000);
	return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *context)
{
	struct kernel *kernel = context;
	unsigned dirty = kernel->watch.dirty;

	(void)source;
	(void)usec;
	kernel->watch.dirty = 0;
	kernel->watch.settling = false;
	kernel->watch.settled_ms = clock_now_ms();
	if (dirty & DIRTY_LINKS)
		(void)links_refresh(kernel, true);
	if (dirty & (DIRTY_LINKS | DIRTY_ROUTES | DIRTY_ADDRESSES))
		hops_reroute(kernel);
	if (dirty & DIRTY_NEIGHBOURS)
		hops_neighbours_again(kernel);
	if (kernel->claims_stale || dirty & DIRTY_ADDRESSES)
		claims_apply(kernel);
	return 0;
}

static void settle(struct kernel *kernel, unsigned dirty)
{
	uint64_t since_ms = clock_now_ms() - kernel->watch.settled_ms;

	kernel->watch.dirty |= dirty;
	if (kernel->watch.settling)
		return;
	kernel->watch.settling = set_timer(kernel, &kernel->watch.settle,
					   since_ms < SETTLE_BUSY_MS ? SETTLE_BUSY_MS : SETTLE_MS, on_settled) >= 0;
}

static int on_message(const struct nlmsghdr *message, void *context)
{
	struct kernel *kernel = context;
	struct netlink_neighbour neighbour;

	switch (message->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (netlink_neighbour_read(message, &neighbour))
			hops_neighbour(kernel, &neighbour);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		settle(kernel, DIRTY_LINKS);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		settle(kernel, DIRTY_ADDRESSES);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		settle(kernel, DIRTY_ROUTES);
		break;
	}
	return MNL_CB_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct kernel *kernel = context;
	char buffer[32768];

	(void)source;
	(void)fd;
	(void)revents;
	for (int i = 0; i < 64; i++) {
		ssize_t length = mnl_socket_recvfrom(kernel->watch.socket, buffer, sizeof(buffer));

		if (length < 0 && errno == ENOBUFS) {
			/* Events were lost: nothing that was known may be trusted. */
			log_debug("netlink events were lost; everything is read again");
			settle(kernel, DIRTY_LINKS | DIRTY_ROUTES | DIRTY_ADDRESSES | DIRTY_NEIGHBOURS);
			continue;
		}
		if (length < 0)
			break;
		(void)mnl_cb_run(buffer, length, 0, 0, on_message, kernel);
	}
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct kernel *kernel = context;
	uint32_t second = ++kernel->watch.seconds;

	(void)source;
	(void)usec;
	if (second % LINKS_EVERY_S == 0)
		(void)links_refresh(kernel, true);
	hops_tick(kernel, second);
	claims_tick(kernel);
	if (kernel->claims_stale)
		claims_apply(kernel);
	return set_timer(kernel, &kernel->watch.tick, TICK_MS, on_tick);
}

static int on_notify(sd_event_source *source, void *context)
{
	(void)source;
	hops_tell(context);
	return 0;
}

void watch_tell_soon(struct kernel *kernel)
{
	if (!kernel->watch.notify)
		(void)sd_event_add_defer(kernel->event, &kernel->watch.notify, on_notify, kernel);
	else
		(void)sd_event_source_set_enabled(kernel->watch.notify, SD_EVENT_ONESHOT);
}

int watch_open(struct kernel *kernel)
{
	static const int groups[] = {RTNLGRP_NEIGH,      RTNLGRP_LINK,        RTNLGRP_IPV4_ROUTE,
				     RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int r;

	if (!socket)
		return -errno;
	kernel->watch.socket = socket;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	r = sd_event_add_io(kernel->event, &kernel->watch.io, mnl_socket_get_fd(socket), EPOLLIN, on_readable, kernel);
	return r < 0 ? r : set_timer(kernel, &kernel->watch.tick, TICK_MS, on_tick);
}

void watch_close(struct kernel *kernel)
{
	struct watch *watch = &kernel->watch;

	sd_event_source_disable_unref(watch->io);
	sd_event_source_disable_unref(watch->settle);
	sd_event_source_disable_unref(watch->tick);
	sd_event_source_disable_unref(watch->notify);
	if (watch->socket)
		mnl_socket_close(watch->socket);
	*watch = (struct watch){0};
}
