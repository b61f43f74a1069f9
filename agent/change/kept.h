/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last ten configurations, which of them is in force, and whether that one is on trial. One file, replaced as a whole, so that
 * what is in force, what it goes back to, and until when it must be confirmed cannot come apart. No I/O here.
 */
#ifndef MUSTER_CHANGE_KEPT_H
#define MUSTER_CHANGE_KEPT_H

#include "../base.h"
#include "../policy/lease.h"

#define KEPT_CONFIGS 10

struct kept_config {
	uint64_t id;
	uint64_t before; /* id of what was in force when it came; 0: nothing */
	int64_t wall_ms; /* when it came into force first */
	char *file;      /* as it was named */
	char *owner;
	char *text;
};

struct kept {
	struct kept_config config[KEPT_CONFIGS]; /* the oldest first */
	size_t n;
	uint64_t next_id;
	uint64_t current; /* id; 0: none yet */
	/* Of musterd's own file when it was last taken, or passed over knowingly: an edit since then is news. */
	uint64_t file_print;
	/* The trial of the current one; back_to 0: none. Only the ends of `end` are used. */
	uint64_t back_to;
	struct order end;
};

int kept_new(struct kept **out);
/* A copy, to go back to when the disk refuses. */
int kept_copy(const struct kept *kept, struct kept **out);
void kept_free(struct kept **kept);

/* A new configuration, in force; the oldest goes where there is no room. The trial is over, if there was one. 0 or -ENOMEM. */
int kept_push(struct kept *kept, const char *file, const char *text, const char *owner, int64_t wall_ms);
const struct kept_config *kept_find(const struct kept *kept, uint64_t id);
const struct kept_config *kept_current(const struct kept *kept);
/* What a rollback goes back to: what was in force before the current one came. NULL: there is none, or it is not kept any more. */
const struct kept_config *kept_previous(const struct kept *kept);
/* That one is in force again, and no trial any more. */
void kept_go_back(struct kept *kept, uint64_t id);

/* Tells two texts apart; no defence against somebody who wants two to be alike. */
uint64_t kept_print(const char *text);

/* As text, owned by the caller; NULL: no memory. From it (NULL: none yet); -EINVAL: damaged. */
char *kept_format(const struct kept *kept);
int kept_parse(const char *text, struct kept **out);

#endif
