// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jiffies is not readable from user space. A program of two instructions that returns it is: BPF_PROG_TEST_RUN hands
 * back the low 32 bits, which is the tick.
 */
#include "ticks.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <muster/flow.h>
#include <time.h>

/* A beat has 24 bits, and an age of half its range is none (muster_tag_idle()); a few are left for the scan to come by. */
#define BEATS_MOST ((uint32_t)MUSTER_SEEN_MASK / 2 - 1024)

uint32_t ticks_from_ms(uint32_t ms, uint32_t per_s)
{
	uint64_t ticks = ((uint64_t)ms * per_s + 999) / 1000;

	return (uint32_t)MIN(ticks, (uint64_t)UINT32_MAX / 2);
}

uint32_t beats_from_ms(uint32_t ms, uint32_t per_s)
{
	uint32_t ticks = ticks_from_ms(ms, per_s), beats = (ticks + (1 << MUSTER_BEAT_SHIFT) - 1) >> MUSTER_BEAT_SHIFT;

	return MIN(beats, BEATS_MOST);
}

uint32_t ticks_per_s(long resolution_ns)
{
	return resolution_ns > 0 ? (uint32_t)((1000000000L + resolution_ns / 2) / resolution_ns) : 0;
}

int ticks_open(struct ticks *ticks)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) < 0)
		return -errno;
	ticks->per_s = ticks_per_s(resolution.tv_nsec);
	ticks->program_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "muster_ticks", "GPL", code, ARRAY_SIZE(code), NULL);
	return ticks->program_fd < 0 ? -errno : 0;
}

void ticks_close(struct ticks *ticks)
{
	closep(&ticks->program_fd);
}

uint32_t ticks_now(const struct ticks *ticks)
{
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);

	/* The kernel's count, one a host. Where it cannot be had just now, the last one: a tick of 0 would age every flow. */
	static uint32_t last;

	if (bpf_prog_test_run_opts(ticks->program_fd, &opts) == 0)
		last = opts.retval;
	return last;
}
