/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left of a pool's rules with `protections: off`: in turn, by declared and ordered weights, to the servers whose
 * check passes; to all when none passes, for there is nobody better. Backups stand by. Pure.
 */
#ifndef MUSTER_POLICY_PLAIN_H
#define MUSTER_POLICY_PLAIN_H

#include "pool.h"

/* In place of pool_weigh(), with the same members. Returns whether anything in a member's answer changed. */
bool plain_weigh(struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms);

#endif
