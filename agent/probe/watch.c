// SPDX-License-Identifier: GPL-2.0-or-later
#include "watch.h"

#include "../log.h"

#define WATCH_EVENTS_A_TURN 64

static uint64_t event_key(const struct watch *watch, int fd)
{
	return (uint64_t)watch->slots[fd].turn << 32 | (uint32_t)fd;
}

static int on_ready(sd_event_source *source, int epoll_fd, uint32_t revents, void *context)
{
	struct epoll_event events[WATCH_EVENTS_A_TURN];
	struct watch *watch = context;
	int i, n;

	(void)source;
	(void)revents;
	n = epoll_wait(epoll_fd, events, WATCH_EVENTS_A_TURN, 0);
	for (i = 0; i < n; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		struct watch_slot *slot = &watch->slots[fd];

		/* An earlier event of this batch may have dropped this watch, or given its fd to another. */
		if (slot->fn && event_key(watch, fd) == events[i].data.u64)
			slot->fn(fd, events[i].events, slot->context);
	}
	return 0;
}

int watch_init(struct watch *watch, sd_event *event)
{
	int r;

	*watch = (struct watch){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	if (watch->epoll_fd < 0)
		return -errno;
	r = sd_event_add_io(event, &watch->source, watch->epoll_fd, EPOLLIN, on_ready, watch);
	if (r >= 0)
		sd_event_source_set_description(watch->source, "probe sockets");
	return MIN(r, 0);
}

void watch_done(struct watch *watch)
{
	watch->source = sd_event_source_disable_unref(watch->source);
	closep(&watch->epoll_fd);
	free(watch->slots);
	*watch = (struct watch){.epoll_fd = -1};
}

static int make_room(struct watch *watch, int fd)
{
	size_t n = MAX(watch->n_slots, (size_t)64);
	struct watch_slot *slots;

	if ((size_t)fd < watch->n_slots)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	slots = reallocarray(watch->slots, n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + watch->n_slots, 0, (n - watch->n_slots) * sizeof(*slots));
	watch->slots = slots;
	watch->n_slots = n;
	return 0;
}

int watch_set(struct watch *watch, int fd, uint32_t events, watch_fn fn, void *context)
{
	struct epoll_event event = {.events = events};
	bool fresh;
	int r;

	r = make_room(watch, fd);
	if (r < 0)
		return r;
	fresh = !watch->slots[fd].fn;
	if (fresh)
		watch->slots[fd].turn++;
	event.data.u64 = event_key(watch, fd);
	if (epoll_ctl(watch->epoll_fd, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) < 0) {
		log_debug("cannot watch socket %d of a probe: %s; its timeout ends the probe", fd, strerror(errno));
		return -errno;
	}
	watch->slots[fd].fn = fn;
	watch->slots[fd].context = context;
	return 0;
}

void watch_drop(struct watch *watch, int fd)
{
	if (fd < 0 || (size_t)fd >= watch->n_slots || !watch->slots[fd].fn)
		return;
	watch->slots[fd].fn = NULL;
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, fd, NULL) < 0)
		log_debug("socket %d of a probe was closed before its watch ended: %s", fd, strerror(errno));
}
