// SPDX-License-Identifier: GPL-2.0-or-later
#include "file_io.h"

int file_write(int fd, const char *text, size_t length, uint64_t at)
{
	while (length > 0) {
		ssize_t put = pwrite(fd, text, length, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -ENOSPC;
		text += put;
		at += (uint64_t)put;
		length -= (size_t)put;
	}
	return 0;
}

int file_read(int fd, size_t length, uint64_t at, char **out, size_t *have)
{
	_cleanup_(freep) char *text = calloc(1, length + 1);
	size_t done = 0;

	if (!text)
		return -ENOMEM;
	while (done < length) {
		ssize_t got = pread(fd, text + done, length - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*have = done;
	*out = TAKE_PTR(text);
	return 0;
}
