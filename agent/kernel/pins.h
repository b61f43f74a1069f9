/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of the pinned maps, and the lock on it. */
#ifndef MUSTER_KERNEL_PINS_H
#define MUSTER_KERNEL_PINS_H

#include "../base.h"

/* Makes the folder (and mounts the bpf filesystem on /sys/fs/bpf) where it is missing. */
int pins_prepare(const char *pins, char *why, size_t n);

/*
 * Holds the folder for this process; returns an fd to keep, which the kernel lets go when the process dies.
 * -EBUSY with `why` naming the holder's pid.
 */
int pins_lock(const char *pins, char *why, size_t n);

/* The pid of the musterd that holds the folder now; 0: none does, as far as can be seen from here. */
int pins_holder(const char *pins);

/* The pid that holds (device, inode) in the text of /proc/locks, or 0. */
int pins_lock_holder(const char *locks, unsigned major, unsigned minor, uint64_t inode);

#endif
