// SPDX-License-Identifier: GPL-2.0-or-later
#include "fd_limit.h"

#include <sys/resource.h>

#include "../log.h"

int fd_limit_ensure(size_t n_probes)
{
	rlim_t need = n_probes + FD_LIMIT_RESERVE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= need)
		return 0;
	if (limit.rlim_max < need) {
		log_error("cannot run %zu probes: they need up to %llu open files, and the limit is %llu; set "
			  "LimitNOFILE=%llu in the service unit (or ulimit -n %llu), then start again",
			  n_probes, (unsigned long long)need, (unsigned long long)limit.rlim_max,
			  (unsigned long long)need, (unsigned long long)need);
		return -EMFILE;
	}
	log_debug("raising the limit of open files from %llu to %llu for %zu probes",
		  (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max, n_probes);
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}
