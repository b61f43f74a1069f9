/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading muster.bpf.o over the pinned maps, and libbpf's voice. */
#ifndef MUSTER_KERNEL_OBJECT_H
#define MUSTER_KERNEL_OBJECT_H

#include <muster/about.h>

#include "maps.h"

/* The object's programs for interfaces, in the sections "xdp" and "xdp.frags": one code. */
enum object_entry {
	OBJECT_PLAIN,
	OBJECT_FRAGS, /* for an MTU that one page does not hold */
	OBJECT_ENTRIES,
};
extern const char *const object_entry_name[OBJECT_ENTRIES];

struct object_program {
	int fd; /* -1: none */
	enum object_entry entry;
	struct muster_about about; /* version "": the object does not tell */
};
void object_program_close(struct object_program *program);

/* A sum over the object's bytes; 0: it cannot be read. */
uint64_t object_print(const char *object);

/*
 * Loads the object over the maps that are open in `maps` (NULL: none is), whatever is pinned; the others are taken from,
 * or pinned in, `pins`. One entry is given back as an fd; nothing is attached. -errno with `why` on failure: -ENOENT: the
 * object has no such entry; -EPROTO: it is not for these maps, found out before anything is loaded.
 */
int object_load(const char *object, const char *pins, const struct maps *maps, enum object_entry entry,
		struct object_program *out, char *why, size_t n);

/*
 * The same object, only to be asked: over the same maps, it writes to none of them (muster/trace.h). Also gives its
 * muster_trace as an fd.
 */
int object_load_dry(const char *object, const char *pins, const struct maps *maps, struct object_program *out,
		    int *trace_fd, char *why, size_t n);

/* Sends libbpf's lines to the debug log from now on. Called by everything that enters this folder. */
void object_quiet(void);
/* Forgets, and tells, the last sentence that the kernel gave with a refused request ("" when none). */
void object_forget_reason(void);
const char *object_reason(void);

#endif
