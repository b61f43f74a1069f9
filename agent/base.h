/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership and error idioms of the agent. There is one idiom:
 *  - a function returns 0 or -errno (or a count), and x_new(&out) leaves *out alone on failure;
 *  - x_free(&p) takes NULL and sets p to NULL;
 *  - the owner's declaration carries _cleanup_(x_free); TAKE_PTR when ownership leaves; fds start at -1.
 */
#ifndef MUSTER_AGENT_BASE_H
#define MUSTER_AGENT_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

#define TAKE_PTR(p)                                                                                                    \
	({                                                                                                             \
		typeof(p) *_pp = &(p);                                                                                 \
		typeof(p) _taken = *_pp;                                                                               \
		*_pp = NULL;                                                                                           \
		_taken;                                                                                                \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
#define TAKE_FD(fd) take_fd(&(fd))

/* For `_cleanup_(freep) char *s = NULL;` */
static inline void freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

/* For `_cleanup_(closep) int fd = -1;` Keeps errno. */
static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

#endif
