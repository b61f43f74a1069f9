/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that the test commands: it can hang in fsync and fdatasync, and take only so many bytes. The program's own
 * symbols come before the C library's, so that the code under test needs no hook. Include in one file of a program.
 */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_released = PTHREAD_COND_INITIALIZER;
static bool disk_held;
static atomic_uint disk_syncs;
static atomic_long disk_room = -1; /* bytes that writes may still take; -1: no end */

static inline void disk_hold(bool held)
{
	pthread_mutex_lock(&disk_lock);
	disk_held = held;
	pthread_cond_broadcast(&disk_released);
	pthread_mutex_unlock(&disk_lock);
}

static void disk_sync(void)
{
	pthread_mutex_lock(&disk_lock);
	while (disk_held)
		pthread_cond_wait(&disk_released, &disk_lock);
	pthread_mutex_unlock(&disk_lock);
	disk_syncs++;
}

int fdatasync(int fd)
{
	disk_sync();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	disk_sync();
	return (int)syscall(SYS_fsync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
	long room = disk_room;

	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (room > 0) {
		length = length < (size_t)room ? length : (size_t)room;
		disk_room = room - (long)length;
	}
	return syscall(SYS_pwrite64, fd, data, length, at);
}

#endif
