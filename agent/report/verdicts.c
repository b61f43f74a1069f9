// SPDX-License-Identifier: GPL-2.0-or-later
#include "verdicts.h"

const struct verdict_words verdicts[MUSTER_VERDICTS_N] = {
#define PASS                        "pass"
#define FORWARD                     "forward"
#define DROP                        "drop"
#define REFUSE                      "refuse"
#define X(NAME, name, ACTION, text) [MUSTER_VERDICT_##NAME] = {#name, ACTION, text},
	MUSTER_VERDICTS(X)
#undef X
};
