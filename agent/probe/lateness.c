// SPDX-License-Identifier: GPL-2.0-or-later
#include "lateness.h"

static unsigned bucket_of(int32_t late_ms)
{
	unsigned octave, bucket, ms = MAX(late_ms, 0);

	if (ms < LATENESS_FINE)
		return ms;
	octave = 31 - __builtin_clz(ms); /* 6 or more */
	bucket = LATENESS_FINE + (octave - 6) * 8 + (ms >> (octave - 3)) % 8;
	return MIN(bucket, LATENESS_BUCKETS - 1u);
}

/* The largest lateness that falls into a bucket. */
static int32_t bucket_top_ms(unsigned bucket)
{
	unsigned octave;

	if (bucket < LATENESS_FINE)
		return bucket;
	octave = (bucket - LATENESS_FINE) / 8 + 6;
	return (int32_t)(((8ull + (bucket - LATENESS_FINE) % 8 + 1) << (octave - 3)) - 1);
}

void lateness_add(struct lateness *lateness, int32_t late_ms, int64_t now_ms)
{
	struct lateness_half *half = &lateness->half[lateness->now];

	if (now_ms - half->since_ms >= LATENESS_HALF_MS) {
		lateness->now ^= 1;
		half = &lateness->half[lateness->now];
		*half = (struct lateness_half){.since_ms = now_ms};
	}
	half->started++;
	half->max_ms = MAX(half->max_ms, late_ms);
	half->count[bucket_of(late_ms)]++;
}

static int32_t percentile(const struct lateness_half *const half[2], uint64_t started, int32_t max_ms, unsigned pct)
{
	uint64_t seen = 0, wanted = (started * pct + 99) / 100;
	unsigned bucket;

	for (bucket = 0; bucket < LATENESS_BUCKETS; bucket++) {
		seen += half[0]->count[bucket] + half[1]->count[bucket];
		if (seen >= wanted)
			return MIN(bucket_top_ms(bucket), max_ms);
	}
	return max_ms;
}

void lateness_read(const struct lateness *lateness, int64_t now_ms, struct prober_lateness *out)
{
	static const struct lateness_half none;
	const struct lateness_half *half[2];
	unsigned i;

	*out = (struct prober_lateness){};
	for (i = 0; i < 2; i++) {
		half[i] = &lateness->half[i];
		if (!half[i]->started || now_ms - half[i]->since_ms >= 2 * LATENESS_HALF_MS)
			half[i] = &none;
		out->started += half[i]->started;
		out->max_ms = MAX(out->max_ms, half[i]->max_ms);
	}
	if (!out->started)
		return;
	out->p50_ms = percentile(half, out->started, out->max_ms, 50);
	out->p99_ms = percentile(half, out->started, out->max_ms, 99);
}
