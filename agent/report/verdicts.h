/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdicts' names, actions and texts, by enum muster_verdict, as JSON and people read them. */
#ifndef MUSTER_VERDICTS_H
#define MUSTER_VERDICTS_H

#include <muster/verdict.h>

struct verdict_words {
	const char *name, *action, *text;
};
extern const struct verdict_words verdicts[MUSTER_VERDICTS_N];

#endif
