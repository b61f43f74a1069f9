/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a receiver is told of an alert, before it takes a form: who, what, since when, what it means, what to type. Pure: made of the book's
 * entry at the moment of delivery, so that a late delivery tells the latest.
 */
#ifndef MUSTER_ALERT_MESSAGE_H
#define MUSTER_ALERT_MESSAGE_H

#include <jansson.h>

#include "book.h"

#define ALERT_SUBJECT_SIZE (MUSTER_NAME_SIZE + ALERT_NAME_SIZE)
#define ALERT_SUMMARY_SIZE 800
#define ALERT_HOST_SIZE    65

enum alert_news { NEWS_PAGE, NEWS_END, NEWS_TEST };

struct alert_message {
	enum alert_news news;
	uint64_t id;
	const char *name;     /* "server_down" */
	const char *severity; /* by name */
	const char *means, *ends;
	char host[ALERT_HOST_SIZE];
	char service[MUSTER_NAME_SIZE], server[ALERT_NAME_SIZE];
	char subject[ALERT_SUBJECT_SIZE]; /* "web/web-02" */
	char title[160];                  /* "is down" */
	char detail[ALERT_DETAIL_SIZE];
	/*
	 * "muster:HOST:server_down:web/web-02", at most 255 bytes: the same over restarts and returns, so that a receiver
	 * that hears of an alert twice keeps one incident.
	 */
	char key[256];
	char summary[ALERT_SUMMARY_SIZE]; /* one line: subject, title, detail */
	char next[ALERT_NEXT][320];
	unsigned times;
	int64_t since_ms, over_ms, sent_ms; /* wall; over 0: it is open */
};

/* Every text is valid UTF-8 without control characters. */
void message_of_alert(struct alert_message *out, const struct alert *alert, const char *host, bool page,
		      int64_t wall_ms);
/* "This is a test": for `muster alert test RECEIVER`. */
void message_of_test(struct alert_message *out, const char *receiver, const char *host, int64_t wall_ms);

/* "2026-11-28T06:42:25Z"; buf has 32 bytes; returns buf. */
const char *message_time(int64_t wall_ms, char *buf);

/* The summary and what follows it, as paragraphs of plain text: for mail and chat. Written to `out`. */
void message_text(const struct alert_message *message, FILE *out);

/* The document that webhooks get and programs read: {"schema": 1, ...}. Owned by the caller; NULL: no memory. */
json_t *message_json(const struct alert_message *message);

#endif
