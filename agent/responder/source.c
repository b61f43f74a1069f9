// SPDX-License-Identifier: GPL-2.0-or-later
#include "source.h"

#include <fcntl.h>
#include <stdio.h>

#define TEXT_SIZE 32768 /* /proc/vmstat has 4 to 8 KB */

/* One reader at a time: the responder has one thread. */
static char text[TEXT_SIZE];

static int read_text(int fd)
{
	size_t length = 0;
	ssize_t n;

	while (length < sizeof(text) - 1) {
		n = pread(fd, text + length, sizeof(text) - 1 - length, (off_t)length);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		length += n;
	}
	text[length] = '\0';
	return 0;
}

static int64_t number_at(const char *at)
{
	int64_t number = 0;
	unsigned digits = 0;

	while (*at == ' ' || *at == '\t')
		at++;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (++digits > 18) /* version 1's "no limit" is nine quintillion */
			return INT64_MAX;
		number = number * 10 + *at - '0';
	}
	return digits ? number : -1;
}

static const char *after_key(const char *line, const char *key)
{
	size_t length = strlen(key);

	while (line && *line) {
		if (!strncmp(line, key, length) && (line[length] == ' ' || line[length] == '\t'))
			return line + length;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

int64_t responder_keyed_number(const char *lines, const char *key)
{
	const char *at = after_key(lines, key);

	return at ? number_at(at) : -1;
}

int64_t responder_pressure_total(const char *lines, const char *key)
{
	const char *at = after_key(lines, key), *end, *total;

	if (!at)
		return -1;
	end = strchrnul(at, '\n');
	total = strstr(at, "total=");
	return total && total < end ? number_at(total + strlen("total=")) : -1;
}

static int read_number(int fd, int64_t *out)
{
	int r = read_text(fd);

	if (r < 0)
		return r;
	*out = strncmp(text, "max", 3) ? number_at(text) : INT64_MAX;
	return *out < 0 ? -ENODATA : 0;
}

static int read_host(const struct responder_source *source, struct responder_reading *out)
{
	int64_t total_kb, available_kb;
	int r = read_text(source->meminfo_fd);

	if (r < 0)
		return r;
	total_kb = responder_keyed_number(text, "MemTotal:");
	available_kb = responder_keyed_number(text, "MemAvailable:");
	if (total_kb <= 0 || available_kb < 0)
		return -ENODATA;
	out->total_bytes = total_kb * 1024;
	out->available_bytes = MIN(available_kb, total_kb) * 1024;
	return 0;
}

/*
 * What the processes of the group can still get: the limit less the usage, plus file pages that the kernel gives back
 * first; and never more than the host itself has.
 */
static int read_cgroup(const struct responder_source *source, struct responder_reading *out)
{
	bool v2 = source->kind == RESPONDER_CGROUP2;
	int64_t limit, usage, inactive, parents;
	int r;

	r = read_number(source->limit_fd, &limit);
	if (r < 0)
		return r;
	r = read_number(source->usage_fd, &usage);
	if (r < 0)
		return r;
	r = read_text(source->stat_fd);
	if (r < 0)
		return r;
	inactive = responder_keyed_number(text, v2 ? "inactive_file" : "total_inactive_file");
	if (inactive < 0)
		return -ENODATA;
	parents = v2 ? -1 : responder_keyed_number(text, "hierarchical_memory_limit");
	if (parents >= 0)
		limit = MIN(limit, parents);
	if (limit >= out->total_bytes)
		return 0; /* no limit of its own: the host's memory is the group's */
	out->total_bytes = limit;
	out->available_bytes = MIN(MAX(limit - usage + inactive, (int64_t)0), MIN(out->available_bytes, limit));
	return 0;
}

int responder_source_read(const struct responder_source *source, struct responder_reading *out)
{
	int r;

	*out = (struct responder_reading){-1, -1, -1, -1, -1};
	r = read_host(source, out);
	if (r < 0)
		return r;
	if (source->kind != RESPONDER_HOST) {
		r = read_cgroup(source, out);
		if (r < 0)
			return r;
	}
	/* Pressure and kills are extras: without them the answer still says how much memory there is. */
	if (source->pressure_fd >= 0 && !read_text(source->pressure_fd)) {
		out->waiting_us = responder_pressure_total(text, "some");
		out->stalled_us = responder_pressure_total(text, "full");
	}
	if (source->oom_fd >= 0 && !read_text(source->oom_fd))
		out->oom_kills = responder_keyed_number(text, "oom_kill");
	return 0;
}

static int open_in(const char *folder, const char *name)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The host's pressure is never given in a cgroup's name: version 1 has none, and then neither have we. */
static int open_cgroup(struct responder_source *source, const char *folder, char *why, size_t n)
{
	bool v2;

	source->limit_fd = open_in(folder, "memory.max");
	v2 = source->limit_fd >= 0;
	if (!v2)
		source->limit_fd = open_in(folder, "memory.limit_in_bytes");
	source->kind = v2 ? RESPONDER_CGROUP2 : RESPONDER_CGROUP1;
	source->usage_fd = open_in(folder, v2 ? "memory.current" : "memory.usage_in_bytes");
	source->stat_fd = open_in(folder, "memory.stat");
	source->pressure_fd = v2 ? open_in(folder, "memory.pressure") : -1;
	source->oom_fd = open_in(folder, v2 ? "memory.events" : "memory.oom_control");
	if (source->limit_fd >= 0 && source->usage_fd >= 0 && source->stat_fd >= 0)
		return 0;
	snprintf(why, n,
		 "%s holds neither memory.max (version 2) nor memory.limit_in_bytes (version 1) with their usage: give "
		 "the folder of a memory cgroup, not the root of the hierarchy",
		 folder);
	return -EINVAL;
}

static int open_host(struct responder_source *source)
{
	source->kind = RESPONDER_HOST;
	source->pressure_fd = open("/proc/pressure/memory", O_RDONLY | O_CLOEXEC);
	source->oom_fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	return 0;
}

int responder_source_open(struct responder_source *source, const char *cgroup, char *why, size_t n)
{
	struct responder_reading reading;
	int r;

	*source = (struct responder_source){.limit_fd = -1, .usage_fd = -1, .stat_fd = -1};
	source->pressure_fd = source->oom_fd = -1;
	source->meminfo_fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	if (source->meminfo_fd < 0) {
		r = -errno;
		snprintf(why, n, "cannot open /proc/meminfo: %s; is /proc mounted?", strerror(-r));
		return r;
	}
	r = cgroup ? open_cgroup(source, cgroup, why, n) : open_host(source);
	if (!r) {
		r = responder_source_read(source, &reading);
		if (r < 0)
			snprintf(why, n, "cannot read the memory of %s: %s", cgroup ?: "/proc/meminfo", strerror(-r));
	}
	if (r < 0)
		responder_source_close(source);
	return r;
}

void responder_source_close(struct responder_source *source)
{
	closep(&source->meminfo_fd);
	closep(&source->limit_fd);
	closep(&source->usage_fd);
	closep(&source->stat_fd);
	closep(&source->pressure_fd);
	closep(&source->oom_fd);
}
