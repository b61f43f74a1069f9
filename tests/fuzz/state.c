// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as the state file: refused with a reason, or what is written of it reads back as the same. */
#include <assert.h>

#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(state_free) struct state *first = NULL, *second = NULL;
	_cleanup_(freep) char *input = strndup((const char *)data, size), *once = NULL, *twice = NULL;
	char why[256] = "";

	if (state_parse(input, &first, why, sizeof(why)) < 0) {
		assert(!first && why[0]);
		return 0;
	}
	once = state_format(first);
	assert(once);
	assert(!state_parse(once, &second, why, sizeof(why)));
	twice = state_format(second);
	assert(twice && !strcmp(once, twice));
	return 0;
}
