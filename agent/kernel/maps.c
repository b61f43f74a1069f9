// SPDX-License-Identifier: GPL-2.0-or-later
#include "maps.h"

#include <bpf/bpf.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>

const struct map_shape map_shapes[MAP_N] = {
#define X(NAME, name, TYPE, key, value, entries) [MAP_##NAME] = {name, BPF_MAP_TYPE_##TYPE, key, value, entries},
	KERNEL_MAPS(X)
#undef X
};

void maps_init(struct maps *maps)
{
	*maps = (struct maps){0};
	for (int i = 0; i < MAP_N; i++)
		maps->fd[i] = -1;
}

void maps_close(struct maps *maps)
{
	for (int i = 0; i < MAP_N; i++)
		closep(&maps->fd[i]);
	maps_init(maps);
}

int maps_by_name(const char *name)
{
	for (int i = 0; i < MAP_N; i++)
		/* The kernel cuts a name; the pin has all of it. */
		if (strncmp(map_shapes[i].name, name, BPF_OBJ_NAME_LEN - 1) == 0)
			return i;
	return -1;
}

int maps_take(struct maps *maps, int i, int fd, const char *from, char *why, size_t n)
{
	const struct map_shape *shape = &map_shapes[i];
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0)
		return -errno;
	bool ring = info.type == BPF_MAP_TYPE_RINGBUF;
	if (info.type != shape->type ||
	    (!ring && (info.key_size != shape->key_bytes || info.value_size != shape->value_bytes)) ||
	    info.max_entries < shape->entries) {
		snprintf(why, n,
			 "map %s of %s is of type %u with key %u, value %u bytes, %u entries, this musterd (ABI %u) "
			 "needs "
			 "type %u with key %u, value %u bytes, at least %u entries: take the old program off with "
			 "`muster "
			 "detach DEV`, remove the old pins, and start again",
			 shape->name, from, info.type, info.key_size, info.value_size, info.max_entries, MUSTER_ABI,
			 shape->type, shape->key_bytes, shape->value_bytes, shape->entries);
		return -EPROTO;
	}
	closep(&maps->fd[i]);
	maps->fd[i] = fd;
	maps->id[i] = info.id;
	maps->entries[i] = info.max_entries;
	return 0;
}

static int path_of(char *path, size_t size, const char *pins, int i)
{
	int length = snprintf(path, size, "%s/%s", pins, map_shapes[i].name);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int maps_open_pinned(struct maps *maps, const char *pins, char *why, size_t n)
{
	const char *missing = NULL;
	char path[PATH_MAX];
	int found = 0, r;

	for (int i = 0; i < MAP_N; i++) {
		_cleanup_(closep) int fd = -1;

		r = path_of(path, sizeof(path), pins, i);
		if (r < 0)
			return r;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == ENOENT) {
			missing = missing ? missing : map_shapes[i].name;
			continue;
		}
		if (fd < 0) {
			r = -errno;
			snprintf(why, n, "opening the pinned map %s: %s", path, strerror(-r));
			return r;
		}
		r = maps_take(maps, i, fd, pins, why, n);
		if (r < 0)
			return r;
		(void)TAKE_FD(fd);
		found++;
	}
	if (!missing)
		return 0;
	snprintf(why, n, "map %s is not pinned in %s", missing, pins);
	return found ? -ENODATA : -ENOENT;
}

static bool is_pinned_as(const char *path, uint32_t id)
{
	_cleanup_(closep) int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.id == id;
}

int maps_pin(const struct maps *maps, const char *pins, char *why, size_t n)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < MAP_N; i++) {
		if (maps->fd[i] < 0)
			continue;
		r = path_of(path, sizeof(path), pins, i);
		if (r < 0)
			return r;
		if (bpf_obj_pin(maps->fd[i], path) == 0)
			continue;
		r = -errno;
		if (r == -EEXIST && is_pinned_as(path, maps->id[i]))
			continue;
		if (r == -EEXIST)
			snprintf(why, n,
				 "%s is another map than the one in use (id %u): take off the program that uses it, "
				 "and remove it",
				 path, maps->id[i]);
		else
			snprintf(why, n, "pinning a map as %s: %s", path, strerror(-r));
		return r;
	}
	return 0;
}

int maps_check_abi(const struct maps *maps, const char *pins, char *why, size_t n)
{
	struct muster_config config;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(maps->fd[MAP_CONFIG], &zero, &config) < 0)
		return -errno;
	if (config.abi == 0 || config.abi == MUSTER_ABI)
		return 0;
	snprintf(why, n,
		 "the maps in %s were written by a musterd of ABI %u, this one has ABI %u: run the musterd that "
		 "belongs to "
		 "them, or take its program off with `muster detach DEV`, remove %s/muster_*, and start again",
		 pins, config.abi, MUSTER_ABI, pins);
	return -EPROTO;
}

int maps_read_array(int fd, void *out, uint32_t count, size_t value_bytes)
{
	_cleanup_(freep) uint32_t *keys = NULL;
	uint32_t got = count, next = 0;

	if (count == 0)
		return 0;
	keys = calloc(count, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	/* A batch over an array walks it in the order of its indices; the end of the map is ENOENT. */
	if (bpf_map_lookup_batch(fd, NULL, &next, keys, out, &got, NULL) == 0 || errno == ENOENT)
		return got == count ? 0 : -ENODATA;
	if (errno != ENOTSUP && errno != EINVAL)
		return -errno;
	for (uint32_t i = 0; i < count; i++)
		if (bpf_map_lookup_elem(fd, &i, (char *)out + i * value_bytes) < 0)
			return -errno;
	return 0;
}

uint64_t maps_bytes(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

void *maps_share(int fd, size_t bytes)
{
	void *values = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return values == MAP_FAILED ? NULL : values;
}

void maps_unshare(void *values, size_t bytes)
{
	if (values)
		munmap(values, bytes);
}

int maps_put_inner(int fd, const uint32_t *keys, const int *fds, size_t n)
{
	uint32_t count = (uint32_t)n;

	if (bpf_map_update_batch(fd, keys, fds, &count, NULL) == 0)
		return 0;
	/* Kernels that have no batches for arrays of maps get one after the other. */
	if (errno != ENOTSUP && errno != EOPNOTSUPP)
		return -errno;
	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &keys[i], &fds[i], BPF_ANY) < 0)
			return -errno;
	return 0;
}
