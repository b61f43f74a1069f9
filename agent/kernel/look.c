// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include "inside.h"
#include "object.h"

static void look_end(struct kernel **kernel)
{
	if (!*kernel)
		return;
	tables_close(*kernel);
	maps_close(&(*kernel)->maps);
	free(*kernel);
}

int kernel_look(const char *pins, struct kernel_snapshot **out, char *why, size_t n)
{
	_cleanup_(look_end) struct kernel *kernel = calloc(1, sizeof(*kernel));
	int r;

	why[0] = '\0';
	if (!kernel)
		return -ENOMEM;
	object_quiet();
	maps_init(&kernel->maps);
	tables_init(kernel);
	r = maps_open_pinned(&kernel->maps, pins, why, n);
	if (r == 0)
		r = maps_check_abi(&kernel->maps, pins, why, n);
	return r < 0 ? r : kernel_snapshot(kernel, out);
}
