/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for manual pages, which are written from the program's own tables. */
#ifndef MUSTER_ROFF_H
#define MUSTER_ROFF_H

#include <stdio.h>

/* Text in roff: a dash is a minus to be copied and pasted, and no line begins with a control character. */
void roff(FILE *out, const char *text);

#endif
