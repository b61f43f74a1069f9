// SPDX-License-Identifier: GPL-2.0-or-later
#include "clients.h"

#define ROOM (1U << 16) /* clients, and pairs of a client and a server; a power of two */
#define MOST (ROOM / 2)

struct seen {
	uint64_t key; /* 0: nobody */
	uint32_t service;
	uint32_t flows;
};

struct clients {
	struct seen client[ROOM], pair[ROOM]; /* open tables */
	uint32_t n_clients, n_pairs;
	uint32_t on[MUSTER_MAX_SERVERS]; /* clients with flows on that server */
};

static uint64_t mixed(uint64_t a, uint64_t b)
{
	a ^= b * 0x9e3779b97f4a7c15ULL;
	a ^= a >> 29;
	a *= 0xbf58476d1ce4e5b9ULL;
	return (a ^ a >> 32) | 1;
}

static uint64_t client_key(const struct muster_addr *client, uint32_t service)
{
	uint64_t words[2];

	memcpy(words, client, sizeof(words));
	return mixed(mixed(words[0], words[1]), service + 1ULL);
}

/* NULL: no room for another one. */
static struct seen *seen_at(struct seen *seen, uint32_t *n, uint64_t key)
{
	uint32_t at = (uint32_t)(key >> 1) & (ROOM - 1);

	while (seen[at].key && seen[at].key != key)
		at = (at + 1) & (ROOM - 1);
	if (!seen[at].key) {
		if (*n == MOST)
			return NULL;
		++*n;
		seen[at].key = key;
	}
	return &seen[at];
}

int clients_new(struct clients **out)
{
	struct clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		return -ENOMEM;
	*out = clients;
	return 0;
}

void clients_free(struct clients **clients)
{
	freep(clients);
}

bool clients_take(struct clients *clients, const struct muster_addr *client, uint32_t service, uint32_t server)
{
	const uint64_t key = client_key(client, service);
	struct seen *one, *pair;

	if (server >= MUSTER_MAX_SERVERS)
		return true;
	one = seen_at(clients->client, &clients->n_clients, key);
	pair = seen_at(clients->pair, &clients->n_pairs, mixed(key, server + 1ULL));
	if (!one || !pair)
		return false;
	one->service = service;
	one->flows++;
	if (!pair->flows++)
		clients->on[server]++;
	return true;
}

uint64_t clients_of(const struct clients *clients, uint32_t service)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ROOM; i++)
		n += clients->client[i].flows && clients->client[i].service == service;
	return n;
}

void clients_part(const struct clients *clients, uint32_t service, uint32_t server, double share, bool each_flow,
		  struct imbalance_part *part)
{
	*part = (struct imbalance_part){.counted = server < MUSTER_MAX_SERVERS ? clients->on[server] : 0};
	for (uint32_t i = 0; i < ROOM; i++) {
		const struct seen *client = &clients->client[i];

		if (client->flows && client->service == service)
			imbalance_expect_client(part, share, each_flow ? client->flows : 1);
	}
}
