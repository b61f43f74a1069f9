// SPDX-License-Identifier: GPL-2.0-or-later
#include "edits.h"

#define FIGHT_MS      60000
#define LEFT_ALONE_MS (5 * 60000)

bool edit_seen(struct edit_row *row, uint64_t wanted, bool takes_out, int64_t now_ms)
{
	memmove(row->at_ms + 1, row->at_ms, sizeof(row->at_ms) - sizeof(row->at_ms[0]));
	row->at_ms[0] = now_ms;
	row->left_until_ms = 0;
	if (takes_out || !row->at_ms[2] || now_ms - row->at_ms[2] > FIGHT_MS)
		return false;
	*row = (struct edit_row){.left_until_ms = now_ms + LEFT_ALONE_MS, .wanted = wanted};
	return true;
}

bool edit_keep(struct edit_row *row, uint64_t wanted)
{
	*row = (struct edit_row){.left_until_ms = INT64_MAX, .wanted = wanted};
	return true;
}

bool edit_left_alone(const struct edit_row *row, uint64_t wanted, int64_t now_ms)
{
	return now_ms < row->left_until_ms && row->wanted == wanted;
}

bool edits_server(const struct muster_server *now, const struct muster_server *written)
{
	struct muster_server same_stamp = *now;

	same_stamp.hop.refreshed = written->hop.refreshed;
	return memcmp(&same_stamp, written, sizeof(same_stamp)) != 0;
}

bool edits_config(const struct muster_config *now, const struct muster_config *written)
{
	return now->abi != written->abi || now->ticks_per_s != written->ticks_per_s ||
	       memcmp(now->timeout, written->timeout, sizeof(now->timeout)) != 0 ||
	       now->hop_stale != written->hop_stale || now->resets_per_s != written->resets_per_s ||
	       memcmp(now->ports, written->ports, sizeof(now->ports)) != 0;
}
