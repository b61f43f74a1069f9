// SPDX-License-Identifier: GPL-2.0-or-later
#include "pins.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define BPFFS "/sys/fs/bpf"

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_folders(const char *path)
{
	char part[PATH_MAX];
	int r;

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, path, slash - path);
		part[slash - path] = '\0';
		r = make_folder(part);
		if (r < 0)
			return r;
	}
	return make_folder(path);
}

/*
 * iproute2 keeps its pins in /sys/fs/bpf/tc/globals and makes /sys/fs/bpf/xdp a symbolic link to tc. Whoever comes first
 * makes it the same way, so that both names go on meaning one folder.
 */
static int make_iproute2_folders(void)
{
	if (make_folder(BPFFS "/tc") < 0)
		return -errno;
	if (symlink(BPFFS "/tc/", BPFFS "/xdp") < 0 && errno != EEXIST)
		return -errno;
	return make_folder(BPFFS "/xdp/globals");
}

int pins_prepare(const char *pins, char *why, size_t n)
{
	int r = 0;

	if (on_bpffs(pins))
		return 0;
	if (strncmp(pins, BPFFS "/", strlen(BPFFS "/")) == 0 && !on_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", 0, "mode=0700") < 0) {
		r = -errno;
		snprintf(why, n, "mounting the bpf filesystem on " BPFFS ": %s; run as root: mount -t bpf bpf " BPFFS,
			 strerror(-r));
		return r;
	}
	r = strcmp(pins, BPFFS "/xdp/globals") == 0 ? make_iproute2_folders() : make_folders(pins);
	if (r < 0) {
		snprintf(why, n, "making the folder of the pinned maps, %s: %s", pins, strerror(-r));
		return r;
	}
	if (on_bpffs(pins))
		return 0;
	snprintf(why, n, "%s is not on a bpf filesystem: run `mount -t bpf bpf %s`, or name another folder", pins,
		 pins);
	return -EINVAL;
}
