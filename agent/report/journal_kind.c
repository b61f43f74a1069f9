// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal.h"

const char *journal_kind_name(enum journal_kind kind)
{
	static const char *const names[] = {
#define X(NAME, name, level) [JOURNAL_##NAME] = #name,
		JOURNAL_KINDS(X)
#undef X
	};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}
