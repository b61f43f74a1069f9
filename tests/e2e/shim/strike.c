// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into musterd: death at a named point. What a killed process leaves behind is what its system calls did, so the
 * points are those calls that the world sees: STRIKE names a file, and the file a point and a moment, "picks before". The
 * first such call is the last one; the file is gone then. Points:
 *   a map, as in muster_picks: an element of it is written or deleted; "pick": a table is made that will go into muster_picks
 *   a file's stem, as in journal.jsonl, state.json: it (or its .spare) is written; "half" leaves half of the bytes
 *   STEM-sync: it is made durable; STEM-swap: its name, or the spare's, goes to the other; "folder-sync": the folder is
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME 64

static long (*plain)(long number, ...);

__attribute__((constructor)) static void find_plain(void)
{
	plain = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
}

/* Whether it is the point's turn at that moment. */
static int named(const char *point, const char *moment)
{
	const char *path = getenv("STRIKE");
	char text[2 * NAME] = "", wanted[2 * NAME];
	int error = errno, fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	errno = error;
	snprintf(wanted, sizeof(wanted), "%s %s\n", point, moment);
	return strcmp(text, wanted) == 0;
}

static void strike(const char *point, const char *moment)
{
	if (!named(point, moment))
		return;
	unlink(getenv("STRIKE"));
	kill(getpid(), SIGKILL);
}

/* --- maps: libbpf's calls ------------------------------------------------------------------------------------------- */

static void name_of_map(int fd, char out[NAME])
{
	struct bpf_map_info info = {0};
	union bpf_attr attr = {
		.info = {.bpf_fd = (__u32)fd, .info_len = sizeof(info), .info = (__u64)(unsigned long)&info}};

	if (plain(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0)
		info.name[0] = '\0';
	snprintf(out, NAME, "%s", strncmp(info.name, "muster_", 7) == 0 ? info.name + 7 : info.name);
}

/* "": a call that changes nothing. */
static void name_of_call(long command, const union bpf_attr *attr, char out[NAME])
{
	out[0] = '\0';
	if (command == BPF_MAP_UPDATE_ELEM || command == BPF_MAP_DELETE_ELEM)
		name_of_map((int)attr->map_fd, out);
	else if (command == BPF_MAP_UPDATE_BATCH || command == BPF_MAP_DELETE_BATCH)
		name_of_map((int)attr->batch.map_fd, out);
	else if (command == BPF_MAP_CREATE && strcmp(attr->map_name, "muster_pick") == 0)
		snprintf(out, NAME, "pick");
}

long syscall(long number, ...)
{
	char point[NAME] = "";
	long a[6], result;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf)
		name_of_call(a[0], (const union bpf_attr *)a[1], point); /* NOLINT */
	if (point[0])
		strike(point, "before");
	result = plain(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (point[0] && result >= 0)
		strike(point, "after");
	return result;
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

static void stem_of(const char *path, const char *ending, char out[NAME])
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	snprintf(out, NAME, "%.*s%s", (int)strcspn(base, "."), base, ending);
}

static void name_of_file(int fd, const char *ending, char out[NAME])
{
	char link[NAME], path[4096];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		snprintf(out, NAME, "folder%s", ending);
	else
		stem_of(path, ending, out);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	char point[NAME];
	ssize_t put;

	name_of_file(fd, "", point);
	strike(point, "before");
	if (named(point, "half") && n > 1) {
		plain(SYS_pwrite64, fd, bytes, n / 2, at);
		strike(point, "half");
	}
	put = plain(SYS_pwrite64, fd, bytes, n, at);
	strike(point, "after");
	return put;
}

static int sync_by(long number, int fd)
{
	char point[NAME];
	int result;

	name_of_file(fd, "-sync", point);
	strike(point, "before");
	result = (int)plain(number, fd);
	strike(point, "after");
	return result;
}

int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	char point[NAME];
	int result;

	stem_of(to, "-swap", point);
	strike(point, "before");
	result = (int)plain(SYS_renameat2, from_fd, from, to_fd, to, flags);
	strike(point, "after");
	return result;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}
