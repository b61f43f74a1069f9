// SPDX-License-Identifier: GPL-2.0-or-later
#include "imbalance.h"

#include <math.h>

#define TURNS_ALLOWED 2
#define LIMIT_NEAR    16 /* within one in so many: the gauge and the counter are not read in one moment */
#define LIVE_PART     0.25
#define LIVE_ALLOWED  8

static double off_by(const struct imbalance_part *part)
{
	return fabs((double)part->counted - part->expected);
}

bool imbalance_limited(uint64_t live, uint64_t opened, uint32_t max_flows)
{
	return max_flows && live + opened >= max_flows - max_flows / LIMIT_NEAR;
}

enum imbalance imbalance_turns(const struct imbalance_part *parts, size_t n, unsigned ends, double skew, size_t *worst)
{
	double most = TURNS_ALLOWED + ends + skew;
	enum imbalance found = IMBALANCE_NONE;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].counted;
	if (sum < IMBALANCE_FLOWS_LEAST)
		return IMBALANCE_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		if (off_by(&parts[i]) <= most)
			continue;
		most = off_by(&parts[i]);
		*worst = i;
		found = IMBALANCE_FOUND;
	}
	return found;
}

void imbalance_expect_client(struct imbalance_part *part, double share, uint64_t flows)
{
	double met = 1 - pow(1 - share, (double)flows);

	part->expected += met;
	part->variance += met * (1 - met);
}

enum imbalance imbalance_clients(const struct imbalance_part *parts, size_t n, uint64_t clients, size_t *worst)
{
	double most = IMBALANCE_Z;
	enum imbalance found = IMBALANCE_NONE;

	if (clients < IMBALANCE_CLIENTS_LEAST)
		return IMBALANCE_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		/* Half a client, because counts are whole; and where chance has no part, any whole one is too much. */
		double z = MAX(off_by(&parts[i]) - 0.5, 0.0) / sqrt(MAX(parts[i].variance, 1e-3));

		if (z <= most)
			continue;
		most = z;
		*worst = i;
		found = IMBALANCE_FOUND;
	}
	return found;
}

enum imbalance imbalance_live(const struct imbalance_part *parts, size_t n, size_t *worst)
{
	enum imbalance found = IMBALANCE_NONE;
	uint64_t sum = 0;
	double most = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].counted;
	if (sum < IMBALANCE_LIVE_LEAST)
		return IMBALANCE_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		double beyond = off_by(&parts[i]) - parts[i].expected * LIVE_PART - LIVE_ALLOWED;

		if (beyond <= most)
			continue;
		most = beyond;
		*worst = i;
		found = IMBALANCE_FOUND;
	}
	return found;
}
