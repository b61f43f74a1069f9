/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What musterd is, and the libraries it runs with. */
#ifndef MUSTER_VERSIONS_H
#define MUSTER_VERSIONS_H

#include <stdio.h>

/* Returns an exit status. */
int versions_print(FILE *out);

#endif
