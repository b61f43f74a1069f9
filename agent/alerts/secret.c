// SPDX-License-Identifier: GPL-2.0-or-later
#include "secret.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

int secret_read(const char *file, char *out, size_t size)
{
	/* Not blocking: a FIFO in its place would hold the loop. */
	_cleanup_(closep) int fd = file ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	struct stat st;
	ssize_t n;
	char *end;

	out[0] = '\0';
	if (!file)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	end = out + strcspn(out, "\r\n");
	if (!*end && (size_t)n == size - 1)
		return -EINVAL;
	*end = '\0';
	while (end > out && isspace((unsigned char)end[-1]))
		*--end = '\0';
	n = (ssize_t)strspn(out, " \t");
	memmove(out, out + n, strlen(out) - (size_t)n + 1);
	for (const char *c = out; *c; c++)
		if (iscntrl((unsigned char)*c)) /* it goes into a header line */
			return -EINVAL;
	return *out ? 0 : -EINVAL;
}
