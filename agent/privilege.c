// SPDX-License-Identifier: GPL-2.0-or-later
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "log.h"

int privilege_drop(const char *group)
{
	const struct group *entry = group ? getgrnam(group) : NULL;

	if (entry && setgroups(1, &entry->gr_gid) < 0)
		log_warning("joining the group %s: %s; the control socket stays root's", group, strerror(errno));
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW,
			  CAP_PERFMON, CAP_DAC_READ_SEARCH, -1) < 0 ||
	    capng_apply(CAPNG_SELECT_BOTH) < 0) {
		log_error("dropping privileges failed; musterd is started as root, by its unit or by sudo");
		return -EPERM;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
