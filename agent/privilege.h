/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least privilege: what the agent keeps once its maps are open. */
#ifndef MUSTER_PRIVILEGE_H
#define MUSTER_PRIVILEGE_H

/*
 * Keeps CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and CAP_PERFMON (load, attach, neighbours, gratuitous ARP) and drops the
 * rest, for good. Capabilities belong to a thread, so this comes before any other thread exists. -errno.
 */
int privilege_drop(void);

#endif
