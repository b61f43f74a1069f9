// SPDX-License-Identifier: GPL-2.0-or-later
/* Preloaded into musterd: each fsync and fdatasync takes SLOW_FSYNC_MS longer. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_as_told(void)
{
	const char *text = getenv("SLOW_FSYNC_MS");
	long ms = text ? atol(text) : 0;
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&wait, NULL);
}

int fsync(int fd)
{
	wait_as_told();
	return syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	wait_as_told();
	return syscall(SYS_fdatasync, fd);
}
