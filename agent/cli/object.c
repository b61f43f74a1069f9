// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"

const char *cli_object(char buf[PATH_MAX])
{
	static const char installed[] = MUSTER_LIBDIR "/muster.bpf.o";
	ssize_t n;
	char *slash;

	if (access(installed, R_OK) == 0)
		return installed;
	n = readlink("/proc/self/exe", buf, PATH_MAX - sizeof("/muster.bpf.o"));
	if (n <= 0)
		return installed;
	buf[n] = 0;
	slash = strrchr(buf, '/');
	strcpy(slash ? slash : buf, "/muster.bpf.o");
	return access(buf, R_OK) == 0 ? buf : installed;
}
