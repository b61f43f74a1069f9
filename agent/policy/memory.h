/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From memory readings to a factor on a server's weight: falls linearly from soft to hard, at most 10 points a
 * step down and 5 up, one step per max(interval, 3 x measured lag); 0 below hard (the pool decides whether that is
 * allowed). Pure.
 */
#ifndef MUSTER_POLICY_MEMORY_H
#define MUSTER_POLICY_MEMORY_H

#include "../base.h"
#include "../config.h"
#include "../probe/probe.h"

enum memory_level { MEMORY_UNKNOWN, MEMORY_GOOD, MEMORY_LOW, MEMORY_HARD, MEMORY_STALE };

struct memory {
	enum memory_level level;
	int64_t since_ms;   /* of the level */
	int64_t read_ms;    /* last good reading; 0: none yet */
	int64_t stepped_ms; /* last step of the factor */
	int64_t available_bytes, total_bytes;
	uint32_t available_permille; /* of total */
	uint32_t factor_pct;         /* 0 to 100, what memory allows of the weight */
	int agent_weight_pct;        /* what an agent-check said, or -1; expires with the source */
	int agent_health, agent_admin;
	char text[128];
	unsigned failures;        /* consecutive */
	enum probe_outcome cause; /* of the last failure */
};

void memory_init(struct memory *memory, uint32_t factor_pct, int64_t now_ms);
/* Takes one result in; true when level or factor changed. */
bool memory_step(struct memory *memory, const struct memory_conf *conf, const struct probe_result *result,
		 int64_t now_ms);
/* Time alone: a silent source goes stale and stops counting. True when level or factor changed. */
bool memory_age(struct memory *memory, const struct memory_conf *conf, int64_t now_ms);

const char *memory_level_name(enum memory_level level);

#endif
