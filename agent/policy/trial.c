// SPDX-License-Identifier: GPL-2.0-or-later
#include "trial.h"

static struct trial_sum sum_of_last(const struct trial_watch *watch, unsigned seconds)
{
	struct trial_sum sum = {0};

	for (unsigned i = 1; i <= seconds && i <= watch->known; i++) {
		const struct trial_second *second = &watch->second[(watch->next + TRIAL_BEFORE_S - i) % TRIAL_BEFORE_S];

		sum.flows += second->flows;
		sum.failed += second->failed;
	}
	return sum;
}

void trial_second(struct trial_watch *watch, uint64_t flows, uint64_t failed)
{
	watch->second[watch->next] = (struct trial_second){(uint32_t)MIN(flows, (uint64_t)UINT32_MAX),
							   (uint32_t)MIN(failed, (uint64_t)UINT32_MAX)};
	watch->next = (watch->next + 1) % TRIAL_BEFORE_S;
	watch->known = MIN(watch->known + 1, (uint32_t)TRIAL_BEFORE_S);
}

void trial_begin(struct trial_watch *watch)
{
	watch->before = sum_of_last(watch, TRIAL_BEFORE_S);
}

double trial_failure_pct(const struct trial_sum *sum)
{
	return sum->flows ? 100.0 * (double)sum->failed / (double)sum->flows : 0;
}

bool trial_worse(const struct trial_watch *watch, unsigned since_s, struct trial_sum *now)
{
	double before = trial_failure_pct(&watch->before), is;

	*now = sum_of_last(watch, MIN(since_s, (unsigned)TRIAL_WINDOW_S));
	is = trial_failure_pct(now);
	return now->flows >= TRIAL_FLOWS && is > 2 * before && is > before + 5;
}
