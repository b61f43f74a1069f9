// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which addresses have to do with a service: the program looks at a packet between two others no further (muster_config's
 * strangers). A bit that is 0 costs time, one that is 1 by mistake a flow: an address loses its bits before the record that
 * brings it is written, and gets them back only when no record has it any more.
 */
#include "inside.h"

struct strangers {
	uint64_t to[MUSTER_STRANGER_WORDS], from[MUSTER_STRANGER_WORDS];
};

static void drop(uint64_t *words, const struct muster_addr *addr)
{
	uint32_t bit = muster_address_bit(addr);

	words[bit / 64] &= ~(1ULL << bit % 64);
}

/* The addresses that answers come to, or from, as a server's record says it. */
static void drop_server(struct strangers *strangers, const struct muster_server *record)
{
	for (uint32_t i = 0; i < MIN(record->sources, (uint32_t)MUSTER_MAX_SOURCES); i++)
		drop(strangers->to, &record->source[i]);
	drop(strangers->from, &record->addr);
}

static void write_words(uint64_t *now, __u64 *shared, __u64 *known, bool settle)
{
	for (int i = 0; i < MUSTER_STRANGER_WORDS; i++) {
		uint64_t word = settle ? now[i] : known[i] & now[i];

		if (known[i] != word)
			__atomic_store_n(&shared[i], word, __ATOMIC_SEQ_CST);
		known[i] = word;
	}
}

static void put(struct kernel *kernel, struct strangers *strangers, bool settle)
{
	write_words(strangers->to, kernel->shared->stranger_to, kernel->config.stranger_to, settle);
	write_words(strangers->from, kernel->shared->stranger_from, kernel->config.stranger_from, settle);
}

static void all(struct strangers *strangers)
{
	memset(strangers, 0xff, sizeof(*strangers));
}

void strangers_meet_server(struct kernel *kernel, const struct muster_server *record)
{
	struct strangers strangers;

	all(&strangers);
	drop_server(&strangers, record);
	put(kernel, &strangers, false);
}

void strangers_meet_service(struct kernel *kernel, const struct muster_service *record)
{
	struct strangers strangers;

	all(&strangers);
	drop(strangers.to, &record->addr);
	put(kernel, &strangers, false);
}

void strangers_settle(struct kernel *kernel)
{
	struct strangers strangers;

	all(&strangers);
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++)
		if (kernel->services[i].used)
			drop(strangers.to, &kernel->services[i].addr);
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++)
		if (kernel->servers[i].state != MUSTER_SERVER_FREE)
			drop_server(&strangers, &kernel->servers[i]);
	put(kernel, &strangers, true);
}
