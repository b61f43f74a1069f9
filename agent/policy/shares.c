// SPDX-License-Identifier: GPL-2.0-or-later
#include "shares.h"

uint64_t shares_sum(const uint32_t *weights, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	return sum;
}

struct remainder {
	uint32_t server;
	uint64_t rest; /* of weight x length / sum */
};

static int remainder_compare(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest > y->rest ? -1 : 1;
	return x->server < y->server ? -1 : 1;
}

/* Takes what the smallest were given beyond their share from those with the most slots. */
static void take_back(uint32_t *counts, size_t n, uint64_t excess)
{
	while (excess) {
		size_t most = 0;

		for (size_t i = 1; i < n; i++)
			if (counts[i] > counts[most])
				most = i;
		counts[most]--;
		excess--;
	}
}

int shares_count(const uint32_t *weights, size_t n, size_t length, uint32_t *counts)
{
	_cleanup_(freep) struct remainder *rests = calloc(n, sizeof(*rests));
	uint64_t sum = shares_sum(weights, n), used = 0;

	if (!rests)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint64_t exact = weights[i] * (uint64_t)length;

		counts[i] = exact / sum;
		rests[i] = (struct remainder){.server = i, .rest = exact % sum};
		if (!counts[i] && weights[i]) {
			counts[i] = 1;
			rests[i].rest = 0;
		}
		used += counts[i];
	}
	if (used > length) {
		take_back(counts, n, used - length);
		return 0;
	}
	qsort(rests, n, sizeof(*rests), remainder_compare);
	for (size_t i = 0; used < length; i++, used++)
		counts[rests[i].server]++;
	return 0;
}
