/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least privilege: what the agent keeps once its maps are open. */
#ifndef MUSTER_PRIVILEGE_H
#define MUSTER_PRIVILEGE_H

/*
 * Joins `group` (NULL or unknown: none), so that the control socket can be given to it without CAP_CHOWN. Keeps CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON (load, attach, neighbours, gratuitous ARP) and CAP_DAC_READ_SEARCH (a reload reads the file that the start read) and drops the
 * rest, for good. Capabilities belong to a thread, so this comes before any other thread exists. -errno.
 */
int privilege_drop(const char *group);

#endif
