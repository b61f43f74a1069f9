/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forms that a message takes, one file a receiver's type. Each is a pure function from a message to a body, owned by the caller;
 * NULL: no memory. `secret` is the first line of the receiver's secret_file, "" where it has none.
 */
#ifndef MUSTER_ALERT_RECEIVER_H
#define MUSTER_ALERT_RECEIVER_H

#include "../message.h"

struct receiver_form {
	char *(*body)(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);
	const char *content_type; /* NULL: not HTTP */
	const char *path;         /* appended to the URL's own; "" */
	bool bearer;              /* the secret goes into an Authorization header */
};

extern const struct receiver_form receiver_forms[];

char *webhook_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);
char *slack_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);
char *pagerduty_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);
char *alertmanager_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);
/* A whole mail, header and text, with CRLF. */
char *smtp_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret);

/* The sign of life. */
char *heartbeat_body(const char *host, size_t open_alerts, int64_t wall_ms);

/* What a receiver made of a body. */
enum answer_class {
	ANSWER_TAKEN,
	ANSWER_LATER,    /* it may take it later: it is overloaded, or broken, or does not know us yet */
	ANSWER_REJECTED, /* it will not take this one */
};

/*
 * Reads an HTTP answer of n bytes of foreign text: its class, and one sentence without control characters. retry_after_ms is what its
 * Retry-After said in seconds, 0: nothing.
 */
enum answer_class answer_read(long status, const char *body, size_t n, char *sentence, size_t size);
/* The value of a Retry-After header of n bytes: seconds alone are read. */
int64_t answer_retry_after(const char *value, size_t n);

#endif
