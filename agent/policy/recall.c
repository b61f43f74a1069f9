// SPDX-License-Identifier: GPL-2.0-or-later
#include "recall.h"

static bool hard(const struct pool_member *member)
{
	return member->memory && member->memory_conf && member->memory_conf->source != MEMORY_NONE &&
	       member->memory->level == MEMORY_HARD;
}

static bool refuses(const struct pool_member *member)
{
	return (member->health->state == HEALTH_DOWN && member->health->cause == PROBE_REFUSED) ||
	       (member->signals && member->signals->refusal != SIGNALS_ANSWERS);
}

static enum recall_cause trouble_of(const struct pool_member *member, int64_t before_ms)
{
	bool still = member->run->look.still;

	if (!still && refuses(member))
		return RECALL_REFUSES;
	if (!still && (member->health->state == HEALTH_DOWN || member->run->look.gone))
		return RECALL_DOWN;
	if (hard(member))
		return RECALL_MEMORY;
	if (member->forecast.known && member->forecast.exhausted_in_ms <= before_ms)
		return RECALL_FORECAST;
	return RECALL_NONE;
}

/* Would it serve well if it were let? */
static bool healthy(const struct pool_member *member)
{
	return member->health->state == HEALTH_UP && !member->neighbour_gone && !refuses(member) && !hard(member);
}

static bool well(const struct pool_member *member, int64_t before_ms)
{
	if (!member->allowed)
		return false;
	if (!member->run->look.in) /* called back just now: the pool has not weighed it yet */
		return healthy(member);
	return member->run->look.usable && trouble_of(member, before_ms) == RECALL_NONE;
}

/* Is the pool short? The first server in trouble goes to `out`. */
static bool is_short(const struct pool_member *members, size_t n, int64_t before_ms, struct recall *out)
{
	uint64_t all = 0, good = 0;

	out->cause = RECALL_NONE;
	for (size_t i = 0; i < n; i++) {
		enum recall_cause cause = RECALL_NONE;

		all += members[i].declared;
		good += well(&members[i], before_ms) ? members[i].declared : 0;
		if (members[i].allowed && members[i].run->look.in)
			cause = trouble_of(&members[i], before_ms);
		if (cause != RECALL_NONE && out->cause == RECALL_NONE) {
			out->cause = cause;
			out->trouble = i;
		}
	}
	return out->cause != RECALL_NONE && 2 * good < all;
}

bool recall_needed(const struct pool_member *members, size_t n, const bool *may_recall, int64_t before_ms,
		   struct recall *out)
{
	bool found = false;

	if (!is_short(members, n, before_ms, out))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (members[i].allowed || !may_recall[i] || !healthy(&members[i]))
			continue;
		if (found && members[i].declared <= members[out->back].declared)
			continue;
		out->back = i;
		found = true;
	}
	return found;
}

const char *recall_cause_text(enum recall_cause cause)
{
	static const char *const texts[] = {[RECALL_NONE] = "is well",
#define X(NAME, text) [RECALL_##NAME] = text,
					    RECALL_CAUSES(X)
#undef X
	};

	return texts[cause];
}
