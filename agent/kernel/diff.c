// SPDX-License-Identifier: GPL-2.0-or-later
#include "diff.h"

static int by_vip(const void *a, const void *b)
{
	return memcmp(&((const struct vip_entry *)a)->vip, &((const struct vip_entry *)b)->vip,
		      sizeof(struct muster_vip));
}

size_t diff_sort(struct vip_entry *entries, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(entries, n, sizeof(*entries), by_vip);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_vip(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	return kept;
}

size_t diff_vips(const struct vip_entry *have, size_t n_have, const struct vip_entry *want, size_t n_want,
		 struct vip_change *out)
{
	size_t h = 0, w = 0, n = 0;

	while (h < n_have || w < n_want) {
		int order = h == n_have ? 1 : w == n_want ? -1 : by_vip(&have[h], &want[w]);

		if (order < 0) {
			out[n++] = (struct vip_change){VIP_REMOVE, have[h++]};
		} else if (order > 0) {
			out[n++] = (struct vip_change){VIP_ADD, want[w++]};
		} else {
			if (have[h].service != want[w].service)
				out[n++] = (struct vip_change){VIP_CHANGE, want[w]};
			h++;
			w++;
		}
	}
	return n;
}
