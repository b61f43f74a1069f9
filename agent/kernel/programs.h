/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XDP programs by id: whose maps they use. Ids become fds here, which needs CAP_SYS_ADMIN; the fds are kept. */
#ifndef MUSTER_KERNEL_PROGRAMS_H
#define MUSTER_KERNEL_PROGRAMS_H

#include <linux/bpf.h>

#include "maps.h"
#include "object.h"

enum program_owner {
	PROGRAM_FOREIGN,
	PROGRAM_OURS,   /* uses our maps, all of them */
	PROGRAM_PARTLY, /* Muster's, over our servers and configuration, but not over all our maps: to be replaced */
	PROGRAM_OTHER,  /* Muster's, over maps that are not those of our pins */
	PROGRAM_HIDDEN, /* its fd may not be had: no CAP_SYS_ADMIN any more */
};

struct program {
	uint32_t id;
	int fd;
	enum program_owner owner;
	bool dispatched; /* the id is libxdp's dispatcher; ours is one of its components */
	char name[BPF_OBJ_NAME_LEN];
	uint8_t tag[BPF_TAG_SIZE];
	uint32_t map_id[MAP_N];    /* of its maps that have our names; 0: none */
	struct muster_about about; /* version "": it does not tell */
};

/* Known programs, so that what was seen before privileges were dropped stays known. */
struct programs {
	struct program *list;
	size_t n;
};

void programs_clear(struct programs *programs);
/* May it be replaced and taken off: a program of Muster's over what this agent writes. */
bool program_is_ours(const struct program *program);
/* The first map of ours that the program does not use; NULL: it uses them all. */
const char *program_lacks(const struct program *program, const struct maps *maps);

/*
 * The program with that id, looked at once and remembered. `maps` tells which are ours (NULL: any with our names is
 * PROGRAM_OTHER). The pointer is good until the next call.
 */
const struct program *programs_get(struct programs *programs, uint32_t id, const struct maps *maps);
/*
 * One that was loaded from the object with that print, and uses all our maps: what loading it again would give, but for the
 * quarter of a second that the verifier takes. 0, or -ENOENT.
 */
int programs_known(const struct programs *programs, uint64_t print, enum object_entry entry,
		   struct object_program *out);
/* Remembers a program that we loaded: its fd is taken over, and closed on an error. */
int programs_add(struct programs *programs, struct object_program *loaded, const struct maps *maps, uint32_t *id);
/* Which of our object's programs it is. */
enum object_entry program_entry(const struct program *program);
/* Whether nothing would change if what was loaded took its place. */
bool program_is_same(const struct program *program, const struct object_program *loaded);
/* Forgets the programs that are nowhere in use, so that the kernel can free them. */
void programs_keep(struct programs *programs, bool (*in_use)(void *context, uint32_t id), void *context);

#endif
