/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole reads and writes at a position: what pread and pwrite leave half done is done here. */
#ifndef MUSTER_FILE_IO_H
#define MUSTER_FILE_IO_H

#include "../base.h"

/* Writes all of `text`, or returns -errno with some of it written. */
int file_write(int fd, const char *text, size_t length, uint64_t at);
/* Reads up to `length` bytes into a string owned by the caller; *have says how many there were. */
int file_read(int fd, size_t length, uint64_t at, char **out, size_t *have);

#endif
