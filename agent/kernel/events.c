// SPDX-License-Identifier: GPL-2.0-or-later
/* What the program says through the ring buffer. */
#include "inside.h"

#include <bpf/libbpf.h>

static int on_event(void *context, void *data, size_t size)
{
	struct kernel *kernel = context;
	struct muster_event event;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (event.kind == MUSTER_EVENT_NO_NEIGHBOUR)
		hops_resolve(kernel, &event);
	if (kernel->handlers.event)
		kernel->handlers.event(kernel->handlers.context, &event);
	return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct kernel *kernel = context;

	(void)source;
	(void)fd;
	(void)revents;
	(void)ring_buffer__consume(kernel->ring);
	return 0;
}

int events_open(struct kernel *kernel)
{
	kernel->ring = ring_buffer__new(kernel->maps.fd[MAP_EVENTS], on_event, kernel, NULL);
	if (!kernel->ring)
		return -errno;
	return sd_event_add_io(kernel->event, &kernel->ring_io, ring_buffer__epoll_fd(kernel->ring), EPOLLIN,
			       on_readable, kernel);
}

void events_close(struct kernel *kernel)
{
	kernel->ring_io = sd_event_source_disable_unref(kernel->ring_io);
	ring_buffer__free(kernel->ring);
	kernel->ring = NULL;
}
