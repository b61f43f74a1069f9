// SPDX-License-Identifier: GPL-2.0-or-later
/* Waiting for a server that is held out: its connections fall, until none is open. */
#include "cli.h"

#include "client.h"

#define POLL_US 500000

/* The lease of that number, or NULL. */
static const json_t *lease_of(const json_t *document, json_int_t id)
{
	const json_t *lease;
	size_t i;

	json_array_foreach(json_object_get(document, "leases"), i,
			   lease) if (json_integer_value(json_object_get(lease, "id")) == id) return lease;
	return NULL;
}

int wait_holds(struct session *session, const json_t *answer)
{
	_cleanup_(answer_free) struct answer leases = {};
	const json_t *change, *lease;
	size_t i;

	if (client_call(session->socket, "/v1/leases", NULL, &leases) < 0)
		return CLI_FAILED;
	json_array_foreach(json_object_get(answer, "changes"), i, change)
	{
		lease = lease_of(leases.json, json_integer_value(json_object_get(change, "lease")));
		if (lease && !json_is_object(json_object_get(lease, "suspended")))
			continue;
		fprintf(stderr, "muster: the order on %s %s%s\n", json_text(change, "server"),
			lease ? "was recalled: " : "is over, and the server gets new connections",
			lease ? json_text(json_object_get(lease, "suspended"), "cause") : "");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

static void show_open(const struct session *session, const json_t *server, json_int_t open)
{
	const char *service = json_text(server, "service"), *name = json_text(server, "server");

	if (session->json)
		fprintf(session->look.out, "{\"server\": \"%s\", \"open\": %lld}\n", name, (long long)open);
	else
		fprintf(session->look.out, "%s%s%s: %lld %s open\n", service, *service ? "/" : "", name,
			(long long)open, open == 1 ? "connection" : "connections");
	fflush(session->look.out);
}

int wait_empty(struct session *session, const json_t *server, const json_t *answer)
{
	_cleanup_(freep) char *path = strdup("/v1/flows/count");
	const char *service = json_text(server, "service");
	json_int_t open = -1, before = -1;

	if (client_query(&path, "server", json_text(server, "server")) < 0 ||
	    client_query(&path, "service", *service ? service : NULL) < 0)
		return CLI_FAILED;
	for (;; usleep(POLL_US)) {
		_cleanup_(answer_free) struct answer count = {};
		int result;

		if (client_call(session->socket, path, NULL, &count) < 0)
			return CLI_FAILED;
		if (count.status != 200)
			return client_exit(&count);
		open = json_integer_value(json_object_get(count.json, "open"));
		if (open != before)
			show_open(session, server, open);
		before = open;
		if (!open)
			return CLI_DONE;
		result = wait_holds(session, answer);
		if (result)
			return result;
	}
}
