// SPDX-License-Identifier: GPL-2.0-or-later
#include "picks.h"

#include "plan.h"
#include "policy/maglev.h"
#include "policy/shares.h"
#include "policy/wrr.h"

_Static_assert(MAGLEV_SLOTS <= MUSTER_MAX_SLOTS, "a Maglev table fits into the maps");

void picks_free(struct picks **picks)
{
	if (!*picks)
		return;
	free((*picks)->slots);
	free((*picks)->owners);
	free((*picks)->weights);
	free((*picks)->credit);
	freep(picks);
}

static struct picks *picks_alloc(size_t n, size_t n_slots)
{
	_cleanup_(picks_free) struct picks *picks = calloc(1, sizeof(*picks));

	if (!picks)
		return NULL;
	picks->slots = calloc(n_slots + 1, sizeof(*picks->slots));
	picks->owners = calloc(n + 1, sizeof(*picks->owners));
	picks->weights = calloc(n + 1, sizeof(*picks->weights));
	picks->credit = calloc(n + 1, sizeof(*picks->credit));
	if (!picks->slots || !picks->owners || !picks->weights || !picks->credit)
		return NULL;
	picks->n = n;
	picks->n_slots = n_slots;
	return TAKE_PTR(picks);
}

/* Position of a server in the table's list; n when it is not there. */
static size_t owner_at(const struct picks *picks, uint32_t owner)
{
	size_t i;

	for (i = 0; i < picks->n && picks->owners[i] != owner; i++)
		;
	return i;
}

bool picks_hashed(enum muster_scheduler scheduler)
{
	return scheduler == MUSTER_SCHEDULER_MAGLEV || scheduler == MUSTER_SCHEDULER_SOURCE;
}

struct picks *picks_adopt(const struct plan_service *found)
{
	struct picks *picks =
		picks_hashed(found->record.scheduler) ? NULL : picks_alloc(found->n_slots, found->n_slots);

	if (!picks)
		return NULL;
	picks->scheduler = found->record.scheduler;
	picks->n = 0;
	for (uint32_t i = 0; i < found->n_slots; i++) {
		size_t at = owner_at(picks, found->slots[i]);

		if (at == picks->n)
			picks->owners[picks->n++] = found->slots[i];
		picks->slots[i] = at;
		picks->weights[at]++;
	}
	return picks;
}

/* Same servers, same proportions: then the table in force is the table wanted. */
static bool same_proportions(const struct picks *picks, const struct picks_wish *wish)
{
	const uint32_t *owners = wish->owners, *weights = wish->weights;
	size_t n = wish->n;
	uint64_t old_sum = 0, new_sum = 0;

	for (size_t i = 0; i < picks->n; i++)
		old_sum += picks->weights[i];
	for (size_t i = 0; i < n; i++)
		new_sum += weights[i];
	if (!old_sum || !new_sum)
		return old_sum == new_sum;
	for (size_t i = 0; i < n; i++) {
		size_t at = i < picks->n && picks->owners[i] == owners[i] ? i : owner_at(picks, owners[i]);
		uint32_t had = at < picks->n ? picks->weights[at] : 0;

		if (had * new_sum != weights[i] * old_sum)
			return false;
	}
	/* Nobody may be left in the old table who is not in the new list. */
	for (size_t i = 0; i < picks->n; i++) {
		size_t j = 0;

		if (i < n && owners[i] == picks->owners[i])
			continue;
		for (; j < n && owners[j] != picks->owners[i]; j++)
			;
		if (j == n && picks->weights[i])
			return false;
	}
	return true;
}

/* What `turns` turns of the old table left owing, by position in the next; its sum over those who serve is zero. */
static void carry(struct picks *old, uint64_t turns, struct picks *next)
{
	size_t serving = 0;
	double sum = 0;

	wrr_settle(old->weights, old->n, old->slots, old->n_slots, turns, old->credit);
	for (size_t i = 0; i < next->n; i++) {
		size_t at = owner_at(old, next->owners[i]);

		next->credit[i] = at < old->n && next->weights[i] ? old->credit[at] : 0;
		sum += next->credit[i];
		serving += next->weights[i] != 0;
	}
	for (size_t i = 0; i < next->n; i++)
		if (next->weights[i])
			next->credit[i] -= sum / serving;
}

static int build_maglev(struct picks *next, const struct picks_wish *wish)
{
	_cleanup_(freep) struct maglev_server *servers = calloc(wish->n, sizeof(*servers));

	if (!servers)
		return -ENOMEM;
	for (size_t i = 0; i < wish->n; i++)
		servers[i] = (struct maglev_server){wish->names[i], wish->weights[i]};
	return maglev_build(servers, wish->n, next->slots);
}

static size_t length_of(const struct picks_wish *wish)
{
	if (!picks_hashed(wish->scheduler))
		return wrr_length(wish->weights, wish->n, MUSTER_MAX_SLOTS);
	return shares_sum(wish->weights, wish->n) ? MAGLEV_SLOTS : 0;
}

static bool in_turns(const struct picks *picks)
{
	return picks && picks->n_slots && picks->scheduler == MUSTER_SCHEDULER_ROUND_ROBIN;
}

int picks_update(struct picks **picks, const struct picks_wish *wish, uint64_t turns)
{
	_cleanup_(picks_free) struct picks *next = NULL;
	int error = 0;

	if (*picks && (*picks)->scheduler == wish->scheduler && same_proportions(*picks, wish))
		return 0;
	next = picks_alloc(wish->n, length_of(wish));
	if (!next)
		return -ENOMEM;
	next->scheduler = wish->scheduler;
	memcpy(next->owners, wish->owners, wish->n * sizeof(*wish->owners));
	memcpy(next->weights, wish->weights, wish->n * sizeof(*wish->weights));
	if (in_turns(*picks) && in_turns(next))
		carry(*picks, turns, next);
	if (next->n_slots)
		error = picks_hashed(wish->scheduler)
				? build_maglev(next, wish)
				: wrr_build(next->weights, next->n, next->credit, next->slots, next->n_slots);
	if (error)
		return error;
	picks_free(picks);
	*picks = TAKE_PTR(next);
	return 1;
}
