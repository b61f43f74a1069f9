// SPDX-License-Identifier: GPL-2.0-or-later
#include "outcome.h"

#include <stdbool.h>

static const struct {
	const char *name, *text;
	bool tcp;
} outcomes[PROBE_OUTCOMES_N] = {
#define X(NAME, name, tcp, text) [PROBE_##NAME] = {#name, text, tcp},
	PROBE_OUTCOMES(X)
#undef X
};

const char *probe_outcome_name(enum probe_outcome outcome)
{
	return (unsigned)outcome < PROBE_OUTCOMES_N ? outcomes[outcome].name : "unknown";
}

const char *probe_outcome_text(enum probe_outcome outcome)
{
	return (unsigned)outcome < PROBE_OUTCOMES_N ? outcomes[outcome].text : "unknown outcome";
}

_Bool probe_outcome_tcp(enum probe_outcome outcome)
{
	return (unsigned)outcome < PROBE_OUTCOMES_N && outcomes[outcome].tcp;
}
