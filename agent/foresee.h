/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forecasts of memory (policy/forecast.h) between the sources and those who act on them. */
#ifndef MUSTER_FORESEE_H
#define MUSTER_FORESEE_H

#include "agent.h"

/* Takes a good reading in; a warning, and its end, is one line of the journal. */
void foresee_reading(struct agent *agent, struct server *server, const struct memory_reading *reading, int64_t now_ms);
/* What the pool's policy is told of it. */
struct pool_forecast foresee_pool(const struct server *server, int64_t now_ms);

#endif
