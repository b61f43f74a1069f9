/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the process may open as many files as its probes can need at once. */
#ifndef MUSTER_PROBE_FD_LIMIT_H
#define MUSTER_PROBE_FD_LIMIT_H

#include "../base.h"

/* Beside the probes: connections of the control socket, maps, journal, the loop's own. */
#define FD_LIMIT_RESERVE 128

/*
 * Raises the soft limit of open files for `n_probes` probes all under way, as far as the hard limit allows.
 * -EMFILE, with a log line that says limit, need and remedy, when that is not enough.
 */
int fd_limit_ensure(size_t n_probes);

#endif
