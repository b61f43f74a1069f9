// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pinned maps cannot be opened as files, but their folder can, and flock works on it. The folder is what two agents
 * would fight over, so the lock holds whatever mount or network namespace the other one lives in.
 */
#include "pins.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int pins_lock_holder(const char *locks, unsigned major, unsigned minor, uint64_t inode)
{
	for (const char *line = locks; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		unsigned line_major, line_minor;
		unsigned long long line_inode;
		int pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &line_major, &line_minor, &line_inode) ==
			    4 &&
		    line_major == major && line_minor == minor && line_inode == inode)
			return pid;
	}
	return 0;
}

static int holder_of(int fd)
{
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t size = 0;
	int pid = 0;
	FILE *f;

	if (fstat(fd, &st) < 0)
		return 0;
	f = fopen("/proc/locks", "re");
	if (!f)
		return 0;
	if (getdelim(&text, &size, '\0', f) > 0)
		pid = pins_lock_holder(text, major(st.st_dev), minor(st.st_dev), st.st_ino);
	fclose(f);
	return pid;
}

int pins_holder(const char *pins)
{
	_cleanup_(closep) int fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : holder_of(fd);
}

int pins_lock(const char *pins, char *why, size_t n)
{
	_cleanup_(closep) int fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0) {
		r = -errno;
		snprintf(why, n, "opening the folder of the pinned maps, %s: %s", pins, strerror(-r));
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return TAKE_FD(fd);
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == -EBUSY)
		snprintf(why, n,
			 "another musterd (pid %d) holds the maps in %s: stop it first, or give this one a `pins` "
			 "folder of "
			 "its own",
			 holder_of(fd), pins);
	else
		snprintf(why, n, "locking the folder of the pinned maps, %s: %s", pins, strerror(-r));
	return r;
}
