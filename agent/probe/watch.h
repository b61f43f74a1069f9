/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probes' sockets behind one sd-event source: an epoll set of our own, so that a thousand short connections a
 * second do not each make and break an event source.
 */
#ifndef MUSTER_PROBE_WATCH_H
#define MUSTER_PROBE_WATCH_H

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "../base.h"

/* Called on the loop; `events` as of epoll(7). May drop any watch. */
typedef void (*watch_fn)(int fd, uint32_t events, void *context);

struct watch_slot {
	watch_fn fn;
	void *context;
	uint32_t turn; /* raised at each use of the slot: an event of the fd's last user is not the next one's */
};

struct watch {
	int epoll_fd;
	sd_event_source *source;
	struct watch_slot *slots; /* by fd */
	size_t n_slots;
};

int watch_init(struct watch *watch, sd_event *event);
void watch_done(struct watch *watch);

/* Watches `fd`, or changes what is waited for. */
int watch_set(struct watch *watch, int fd, uint32_t events, watch_fn fn, void *context);
/* To be called before the fd is closed. An fd that is gone already, or never was watched, is no fault. */
void watch_drop(struct watch *watch, int fd);

#endif
