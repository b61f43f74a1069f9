// SPDX-License-Identifier: GPL-2.0-or-later
/* What the causes may be: each a row of evidence from the journal, and what to do about its kind. */
#include <stdio.h>
#include <time.h>

#include "postmortem.h"
#include "status.h"

/* The likeliest first: enum, whose it is (NULL: the server or interface of the event), what is said of it, what to do about it. */
/* clang-format off */
#define CAUSES(X) \
	X(ORDER,   NULL, "was taken out by an order, and did not carry its share", \
	  "Give a test the time that it needs and no more (--for), and end it with: muster audit --expect SERVER,...") \
	X(REMOVED, NULL, "was removed from its service", \
	  "Look at what a change leaves before it is made: muster plan FILE, or the answer of muster remove --dry-run") \
	X(MEMORY,  NULL, "ran short of memory", \
	  "Find what takes the memory of that server; let muster recycle clear it in time; set max_flows to what it can carry") \
	X(REFUSED, NULL, "refused its clients' connections", \
	  "Look at the server's own log of that time: its listener was gone, or full") \
	X(ERRS,    NULL, "answered with 5xx", \
	  "Look at the server's own log of that time; where all err alike, at what all of them depend on") \
	X(DOWN,    NULL, "failed its checks", "Look at the server's own log of that time") \
	X(EDITED,  "the kernel's maps", "were written by somebody else", \
	  "Find who writes the maps of Muster with bpftool, or runs another balancer over them") \
	X(BARE,    NULL, "carried no program, or another one", "Find who took the program off the interface") \
	X(STORAGE, "the state folder", "could not be written", "Make room on its disk, and watch it")
/* clang-format on */
enum cause {
#define X(NAME, whose, words, follow_up) CAUSE_##NAME,
	CAUSES(X)
#undef X
		CAUSES_N
};

static const struct {
	const char *whose, *words, *follow_up;
} causes[] = {
#define X(NAME, whose, words, follow_up) [CAUSE_##NAME] = {whose, words, follow_up},
	CAUSES(X)
#undef X
};

static bool is(const json_t *event, const char *kind, const char *to)
{
	return !strcmp(event_text(event, "kind"), kind) && (!to || !strcmp(event_text(event, "to"), to));
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* An order that takes a server out, in the words of orders/place.c: the length of time follows. */
static bool takes_out(const json_t *event)
{
	const char *to = event_text(event, "to");

	return begins(to, "drained ") || begins(to, "in maintenance ") || begins(to, "weight 0 ");
}

/* Which cause an event is evidence of; CAUSES_N: of none. */
static enum cause cause_of(const json_t *event)
{
	if ((is(event, "order", NULL) && takes_out(event) && strcmp(event_text(event, "owner"), MUSTER_OWNER) != 0) ||
	    is(event, "order_overdue", NULL) || is(event, "order_reminder", NULL) || is(event, "order_recalled", NULL))
		return CAUSE_ORDER;
	if (is(event, "removed", NULL))
		return CAUSE_REMOVED;
	if (is(event, "memory", "low") || is(event, "memory", "hard") ||
	    (is(event, "forecast", NULL) && !is(event, "forecast", "no end near")))
		return CAUSE_MEMORY;
	if (is(event, "signals", NULL) && begins(event_text(event, "to"), "refuses"))
		return CAUSE_REFUSED;
	if (is(event, "signals", "errs") || is(event, "signals", "all err alike"))
		return CAUSE_ERRS;
	if (is(event, "health", "down"))
		return CAUSE_DOWN;
	if (is(event, "audit", "edited") || is(event, "audit", "fought"))
		return CAUSE_EDITED;
	if (is(event, "audit", "bare") || is(event, "audit", "foreign"))
		return CAUSE_BARE;
	if (is(event, "storage", NULL) && strcmp(event_text(event, "to"), "good") != 0)
		return CAUSE_STORAGE;
	return CAUSES_N;
}

static const char *moment(int64_t wall_ms, char *buf, size_t n)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(buf, n, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(buf, n, "?");
	return buf;
}

/* The row of that cause and whom; made where there is none. */
static json_t *row_of(json_t *rows, enum cause cause, const char *whom)
{
	char text[256];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (json_integer_value(json_object_get(row, "cause")) == (json_int_t)cause &&
					     !strcmp(event_text(row, "whom"), whom)) return row;
	snprintf(text, sizeof(text), "%s %s", whom, causes[cause].words);
	row = json_pack("{s:i, s:s, s:s, s:[]}", "cause", (int)cause, "whom", whom, "text", text, "evidence");
	json_array_append_new(rows, row);
	return row;
}

static void add_evidence(json_t *row, const json_t *event)
{
	json_t *evidence = json_object_get(row, "evidence");
	const char *owner = event_text(event, "owner");
	char at[64], text[512];

	snprintf(text, sizeof(text), "%s: %s%s%s%s%s%s", moment(event_ms(event), at, sizeof(at)),
		 event_text(event, "to"), *event_text(event, "to") && *event_text(event, "cause") ? ": " : "",
		 event_text(event, "cause"), *owner ? " (by " : "", owner, *owner ? ")" : "");
	json_array_append_new(evidence, status_text(text));
}

/* An order that stood when the period began is evidence as well: the journal before it is looked through, too. */
static bool still_stood(const struct postmortem_input *in, const json_t *order)
{
	char whom[2 * MUSTER_NAME_SIZE], other[2 * MUSTER_NAME_SIZE];
	bool stands = true;
	const json_t *event;
	size_t i;

	event_whom(order, whom, sizeof(whom));
	json_array_foreach(in->events, i, event) if (event_ms(event) >= event_ms(order) &&
						     event_ms(event) < in->from_ms && is(event, "order_ended", NULL) &&
						     !strcmp(event_whom(event, other, sizeof(other)), whom)) stands =
		false;
	return stands;
}

void postmortem_causes(json_t *document, const struct postmortem_input *in)
{
	json_t *rows = json_array(), *found = json_array(), *todo = json_array(), *row;
	char whom[2 * MUSTER_NAME_SIZE];
	const json_t *event;
	size_t i;

	json_array_foreach(in->events, i, event)
	{
		enum cause cause = cause_of(event);

		if (cause == CAUSES_N || event_ms(event) > in->to_ms ||
		    (event_ms(event) < in->from_ms && (cause != CAUSE_ORDER || !still_stood(in, event))))
			continue;
		event_whom(event, whom, sizeof(whom));
		add_evidence(row_of(rows, cause, causes[cause].whose ? causes[cause].whose : whom), event);
	}
	/* In the order of the table: what a person did comes before what followed from it. */
	for (int cause = 0; cause < CAUSES_N; cause++) {
		bool any = false;

		json_array_foreach(rows, i, row)
		{
			if (json_integer_value(json_object_get(row, "cause")) != cause)
				continue;
			json_array_append_new(found, json_pack("{s:O, s:O}", "text", json_object_get(row, "text"),
							       "evidence", json_object_get(row, "evidence")));
			any = true;
		}
		if (any)
			json_array_append_new(todo, json_string(causes[cause].follow_up));
	}
	json_decref(rows);
	json_object_set_new(document, "causes", found);
	json_object_set_new(document, "follow_ups", todo);
}
