/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What operators were promised: orders, a server added by command, the configuration in force. One operation at a time, so
 * that a kill leaves at most one whose outcome nobody knows: the disk must hold the promises, with that one or without.
 */
#ifndef KILLER_PROMISES_H
#define KILLER_PROMISES_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SERVERS 3 /* web-01, web-02, and web-03, which commands add and remove */
#define SPARE   2

/* Long, so that the journal is full soon, and rotated. */
#define REASON_SIZE 160

static const char *const server_name[SERVERS] = {"web-01", "web-02", "web-03"};

enum { DRAIN, MAINTENANCE, WEIGHT, KINDS };
static const char *const kind_name[KINDS] = {"drain", "maintenance", "weight"};

struct promises {
	char order[SERVERS][KINDS][REASON_SIZE]; /* its reason, by which it is known; "": none */
	bool added;
	bool other_config, on_trial;
};

enum act { NOTHING, PLACE, RETURN, ADD, REMOVE, APPLY, TRY, ROLL_BACK };

struct operation {
	enum act act;
	int server, kind;
	char reason[REASON_SIZE];
	bool other_config;
};

static void promises_after(struct promises *p, const struct operation *o)
{
	if (o->act == PLACE)
		memcpy(p->order[o->server][o->kind], o->reason, sizeof(o->reason));
	else if (o->act == RETURN)
		memset(p->order[o->server], 0, sizeof(p->order[o->server]));
	else if (o->act == ADD || o->act == REMOVE)
		p->added = o->act == ADD;
	else if (o->act == APPLY || o->act == TRY)
		p->other_config = o->other_config;
	else if (o->act == ROLL_BACK)
		p->other_config = !p->other_config;
	if (o->act == APPLY || o->act == TRY || o->act == ROLL_BACK)
		p->on_trial = o->act == TRY;
}

/* Is the server out by what was promised? */
static bool promised_out(const struct promises *p, int server)
{
	return p->order[server][DRAIN][0] || p->order[server][MAINTENANCE][0] || (server == SPARE && !p->added);
}

static bool promises_equal(const struct promises *a, const struct promises *b)
{
	return memcmp(a->order, b->order, sizeof(a->order)) == 0 && a->added == b->added &&
	       a->other_config == b->other_config && a->on_trial == b->on_trial;
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int server_number(const char *name)
{
	for (int i = 0; i < SERVERS; i++)
		if (!strcmp(name, server_name[i]))
			return i;
	return -1;
}

/* Enters the orders of a list, as the state file and the agent's answer have it; false: one of them is nobody's. */
static bool promises_orders(struct promises *p, const json_t *orders)
{
	const json_t *order;
	size_t i;

	json_array_foreach(orders, i, order)
	{
		int server = server_number(text_in(order, "server")), kind = 0;

		while (kind < KINDS && strcmp(kind_name[kind], text_in(order, "kind")))
			kind++;
		if (server < 0 || kind == KINDS || p->order[server][kind][0])
			return false;
		snprintf(p->order[server][kind], sizeof(p->order[server][kind]), "%s", text_in(order, "reason"));
	}
	return true;
}

/* The promises as the disk has them. */
static bool promises_on_disk(struct promises *p, const json_t *state, const json_t *configs, const char *other_text)
{
	const json_t *entry;
	size_t i;

	memset(p, 0, sizeof(*p));
	if (!promises_orders(p, json_object_get(state, "orders")))
		return false;
	json_array_foreach(json_object_get(state, "overlays"), i, entry) p->added |=
		!strcmp(text_in(entry, "server"), "web-03") && !strcmp(text_in(entry, "action"), "add");
	p->on_trial = json_integer_value(json_object_get(configs, "back_to")) != 0;
	json_array_foreach(json_object_get(configs, "configs"), i, entry)
	{
		if (json_equal(json_object_get(entry, "id"), json_object_get(configs, "current")))
			p->other_config = !strcmp(text_in(entry, "text"), other_text);
	}
	return true;
}

static void promises_print(const char *what, const struct promises *p)
{
	printf("%s:", what);
	for (int s = 0; s < SERVERS; s++)
		for (int k = 0; k < KINDS; k++)
			if (p->order[s][k][0])
				printf(" %s of %s (%.10s)", kind_name[k], server_name[s], p->order[s][k]);
	printf("%s%s%s\n", p->added ? " web-03 added" : "", p->other_config ? " other configuration" : "",
	       p->on_trial ? " on trial" : "");
}

#endif
