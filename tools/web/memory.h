/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the lab's web server, taken from the kernel page by page so that what is given back really goes. */
#ifndef WEB_MEMORY_H
#define WEB_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>

struct leak {
	struct leak *next;
	size_t bytes;
};

/* Touched memory; NULL when the limit (RLIMIT_DATA) is reached. */
static void *memory_take(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void memory_give(void *p, size_t bytes)
{
	munmap(p, bytes);
}

/* Leaks that much more; where that is more than there is, what is left, to the last page. */
static void leak_more(struct leak **leaked, size_t bytes)
{
	struct leak *leak = NULL;

	for (; bytes >= 4096 && !leak; bytes /= leak ? 1 : 2)
		leak = memory_take(bytes);
	if (!leak)
		return;
	leak->bytes = bytes;
	leak->next = *leaked;
	*leaked = leak;
}

static void leak_free(struct leak **leaked)
{
	while (*leaked) {
		struct leak *leak = *leaked;

		*leaked = leak->next;
		munmap(leak, leak->bytes);
	}
}

#endif
