/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets stand in files, and nowhere else: they are read when they are needed, and forgotten. */
#ifndef MUSTER_ALERT_SECRET_H
#define MUSTER_ALERT_SECRET_H

#include "../base.h"

/* The first line of a regular file, without the white space around it; file NULL: "". -EINVAL: empty, or too long. */
int secret_read(const char *file, char *out, size_t size);

#endif
