// SPDX-License-Identifier: GPL-2.0-or-later
/* What a turn showed, scaled to the peak. */
#include "rehearse.h"

#include <math.h>
#include <stdio.h>

#define MINUTE_MS    60000
#define SCALE_MOST   4.0 /* more than so many times what was carried is no forecast */
#define SLOPE_FLOWS  10  /* fewer live flows more say nothing of what one takes */
#define SLOPE_PART   4   /* nor does less than a quarter more */
#define NEARLY_WHOLE 1.05

enum finding { CARRIED, PROVEN, BOUND, FORESEEN, TOO_LITTLE, NO_ROOM, NO_MEMORY };

static double times(double peak, double carried)
{
	if (peak <= carried)
		return 1;
	return carried > 0 ? peak / carried : INFINITY;
}

/* What a live flow takes, as far as the turn itself shows it; 0: it does not. */
static double slope(const struct rehearse_load *load)
{
	uint32_t more = load->live_most - load->live_before;

	if (more < SLOPE_FLOWS || more < load->live_before / SLOPE_PART || load->used_most <= load->used_before)
		return 0;
	return (double)(load->used_most - load->used_before) / more;
}

/* Percent of memory in use at the peak; < 0: it is not known. */
static double used_at_peak(const struct rehearse_load *load)
{
	double bytes = MAX(load->bytes_a_flow, slope(load)), used = (double)load->used_most;

	if (load->total_bytes <= 0 || load->used_most <= 0)
		return -1;
	if (load->live_peak > load->live_most && bytes <= 0)
		return -1;
	if (load->live_peak > load->live_most)
		used += bytes * (load->live_peak - load->live_most);
	return 100 * used / (double)load->total_bytes;
}

static enum finding judge(struct rehearse_load *load, int64_t lasted_ms)
{
	double flows = (double)(load->flows - load->flows_before) * MINUTE_MS / (double)MAX(lasted_ms, (int64_t)1);

	load->scale = MAX(times(load->flows_peak, flows), times(load->live_peak, load->live_most));
	load->used_pct = used_at_peak(load);
	if (load->over || (load->max_flows && load->live_peak > load->max_flows))
		return NO_ROOM;
	if (load->used_pct > 100 - (double)load->soft_pct)
		return NO_MEMORY;
	if (load->scale <= NEARLY_WHOLE)
		return CARRIED;
	if (load->flows_peak <= load->proven.flows && load->live_peak <= load->proven.live)
		return PROVEN;
	if (load->scale > SCALE_MOST)
		return TOO_LITTLE;
	if (load->max_flows)
		return BOUND;
	return load->used_pct >= 0 ? FORESEEN : TOO_LITTLE;
}

static enum rehearse_word word_of(enum finding finding)
{
	return finding >= NO_ROOM ? REHEARSE_NO : finding == TOO_LITTLE ? REHEARSE_UNKNOWN : REHEARSE_YES;
}

const char *rehearse_rest(const struct rehearse_turn *turn, char *out, size_t size)
{
	if (turn->n == 1)
		snprintf(out, size, "%s alone", turn->load[0].name);
	else
		snprintf(out, size, "the other %zu without %s", turn->n, turn->server);
	return out;
}

double rehearse_of_peak_pct(const struct rehearse_turn *turn)
{
	double scale = 1;

	for (size_t i = 0; i < turn->n; i++)
		scale = MAX(scale, turn->load[i].scale);
	return 100 / scale;
}

/* "yes, at 71 % memory" */
static void say_answer(const struct rehearse_turn *turn, enum finding finding, char *out, size_t size)
{
	const struct rehearse_load *load = &turn->load[turn->worst];
	bool several = turn->n > 1;
	char whose[80] = "";

	if (several)
		snprintf(whose, sizeof(whose), " of %s", load->name);
	if (finding == NO_ROOM && load->over)
		snprintf(out, size, "no: %u live flows would find no room, for the max_flows of %s is %u", load->over,
			 load->name, load->max_flows);
	else if (finding == NO_ROOM)
		snprintf(out, size, "no: %s would get %u live flows, and its max_flows is %u", load->name,
			 load->live_peak, load->max_flows);
	else if (finding == NO_MEMORY)
		snprintf(out, size, "no, at %.0f %% memory%s, and its soft mark is at %u %%", load->used_pct, whose,
			 100 - load->soft_pct);
	else if (finding == TOO_LITTLE)
		snprintf(out, size, "not known");
	else if (load->used_pct >= 0)
		snprintf(out, size, "yes, at %.0f %% memory%s", load->used_pct, whose);
	else
		snprintf(out, size, "yes");
}

static void say(struct rehearse_turn *turn, enum finding finding)
{
	double pct = rehearse_of_peak_pct(turn);
	char rest[96], answer[160], part[64];

	say_answer(turn, finding, answer, sizeof(answer));
	if (pct > 99.5 || finding == CARRIED)
		snprintf(part, sizeof(part), "all of it");
	else
		snprintf(part, sizeof(part), "%.0f %% of it", floor(pct));
	snprintf(turn->text, sizeof(turn->text), "%s would carry the peak: %s; rehearsed for %lld s with %s%s",
		 rehearse_rest(turn, rest, sizeof(rest)), answer, (long long)(turn->lasted_ms + 500) / 1000, part,
		 finding == PROVEN ? ", and all of it was carried within a day" : "");
}

void rehearse_judge(struct rehearse_turn *turn)
{
	enum finding worst = CARRIED;

	turn->worst = 0;
	for (size_t i = 0; i < turn->n; i++) {
		enum finding finding = judge(&turn->load[i], turn->lasted_ms);

		if (finding > worst || (finding == worst && turn->load[i].used_pct > turn->load[turn->worst].used_pct))
			turn->worst = i;
		worst = MAX(worst, finding);
	}
	turn->word = turn->n ? word_of(worst) : REHEARSE_UNKNOWN;
	turn->done = true;
	if (turn->n)
		say(turn, worst);
}

enum rehearse_word rehearse_answer(const struct rehearse *rehearse)
{
	enum rehearse_word word = REHEARSE_YES;

	for (size_t i = 0; i < rehearse->n; i++)
		word = MAX(word, rehearse->turn[i].done ? rehearse->turn[i].word : REHEARSE_UNKNOWN);
	return word;
}

const char *rehearse_word_name(enum rehearse_word word)
{
	static const char *const names[] = {
		[REHEARSE_YES] = "yes", [REHEARSE_UNKNOWN] = "unknown", [REHEARSE_NO] = "no"};

	return names[word];
}
