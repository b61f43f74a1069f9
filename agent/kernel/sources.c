// SPDX-License-Identifier: GPL-2.0-or-later
#include "sources.h"

#include "../address.h"

/* Where an address stands among n; n: nowhere. */
static unsigned find(const struct muster_addr *addr, const struct muster_addr *list, unsigned n)
{
	unsigned i = 0;

	while (i < n && !address_equal(addr, &list[i]))
		i++;
	return i;
}

bool sources_settle(const struct muster_server *now, struct muster_server *record)
{
	unsigned before = MIN(now->sources, MUSTER_MAX_SOURCES), n = MIN(record->sources, MUSTER_MAX_SOURCES);
	struct muster_addr settled[MUSTER_MAX_SOURCES] = {0};
	bool taken[MUSTER_MAX_SOURCES] = {0}, changed = false;

	for (unsigned i = 0; i < MIN(before, n); i++) {
		taken[i] = find(&now->source[i], record->source, n) < n;
		if (taken[i])
			settled[i] = now->source[i];
	}
	for (unsigned i = 0, at = 0; i < n; i++) {
		unsigned was = find(&record->source[i], now->source, MIN(before, n));

		if (was < MIN(before, n))
			continue;
		while (taken[at])
			at++;
		settled[at] = record->source[i];
		taken[at] = true;
	}
	for (unsigned i = 0; i < before; i++)
		changed = changed || !address_equal(&settled[i], &now->source[i]);
	memcpy(record->source, settled, sizeof(settled));
	return changed;
}
