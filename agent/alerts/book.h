/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The book of alerts: which are open, who has been told of each, who is to be told what, and when. Pure: times come in
 * (now_ms is CLOCK_BOOTTIME, wall_ms what people read), what is to be done comes out.
 *
 * Told. A new alert is told at once to the receivers of the first step whose least severity it has. Nobody acknowledges
 * it for `repeat`: they are told again, and those of the next step too. Alerts of severity info are told once. Each of the
 * receivers that was told of an alert is told its end.
 * Acknowledged. An acknowledgement is a lease: until its end nobody is told again; then, if the alert is still open, at
 * once.
 * Flapping. An alert that comes back within `flap` of its end is the same one, on its second time. It is told at the
 * earliest `flap` after it was told last, and of all that came back under one rule only one in `flap`: an alert that is
 * new is never silent, one that flaps makes at most one page in that time.
 * Owed. What a receiver is owed stays owed until it took it: the page first, then the end, even when all is over by then.
 * After 24 h it is given up, and counted.
 * One at a time for each receiver, and none waits for another: however many hang, the rest hear at once. Only of programs no
 * more than 4 run at once.
 */
#ifndef MUSTER_ALERT_BOOK_H
#define MUSTER_ALERT_BOOK_H

#include "../config.h"
#include "../policy/lease.h"
#include "rules.h"

#define ALERT_DETAIL_SIZE 256
#define ALERT_NAME_SIZE   256 /* of a server, an interface, a folder or a file */
#define ALERT_ACK_MOST_S  (24 * 60 * 60)
#define ALERTS_MOST       4096
#define ALERT_NEVER       INT64_MAX

/* What one receiver knows of one alert, and is owed. */
struct alert_post {
	char receiver[MUSTER_NAME_SIZE];
	bool told; /* it took a page whose end it does not know */
	bool owes_page, owes_end;
	bool under_way; /* one of them is being delivered */
	unsigned attempts;
};

struct alert {
	uint64_t id;
	enum alert_kind kind;
	char service[MUSTER_NAME_SIZE], server[ALERT_NAME_SIZE];
	char detail[ALERT_DETAIL_SIZE]; /* what was seen, the latest */
	bool over;
	bool stands;            /* said to in this round of signals */
	unsigned times;         /* raised so often in a row */
	int64_t since_wall_ms;  /* raised, the last time */
	int64_t over_wall_ms;   /* 0: never yet */
	int64_t changed_ms;     /* raised or over, the last time */
	int64_t lapses_ms;      /* an event's end; ALERT_NEVER */
	int64_t told_ms;        /* the receivers, last; ALERT_NEVER: not yet */
	int64_t due_ms;         /* they are to be told (again); ALERT_NEVER */
	unsigned step;          /* receivers up to this one are told; 0: nobody yet */
	int64_t acked_until_ms; /* 0: not acknowledged */
	char acked_by[LEASE_OWNER_SIZE];
	struct alert_post posts[CONFIG_MAX_RECEIVERS];
	size_t n_posts;
};

/* A receiver as the deliveries go. By name, so that a reload keeps it. */
struct receiver_run {
	char name[MUSTER_NAME_SIZE];
	unsigned failures; /* in a row */
	int64_t next_ms;   /* not before */
	bool busy;
	uint64_t delivered;
	char fault[192]; /* why the last one failed; "" when it did not */
};

struct book {
	struct alert **alerts;
	size_t n;
	uint64_t next_id;
	uint64_t journal_seq;                /* lines up to this one have been looked at */
	int64_t flap_told_ms[ALERT_KINDS_N]; /* when one that flaps was last told of; 0: never */
	struct receiver_run runs[CONFIG_MAX_RECEIVERS];
	size_t n_runs;
	uint64_t lost; /* posts given up, and alerts that found no room */
	bool changed;  /* to be saved */
};

/* What was done to an alert, for the journal. */
enum book_news { BOOK_RAISED, BOOK_TOLD, BOOK_OVER, BOOK_GIVEN_UP };
typedef void (*book_news_fn)(void *context, const struct alert *alert, enum book_news news);

/* The configured ones, and whom to tell of changes (NULL: nobody). */
struct book_view {
	const struct config *config;
	int64_t now_ms, wall_ms;
	book_news_fn news;
	void *context;
};

int book_new(struct book **out);
void book_free(struct book **book);

/* A signal or event is there. Said again of an open one, only the detail is new. -ENOSPC, -ENOMEM: there is no room. */
int book_raise(struct book *book, const struct book_view *view, enum alert_kind kind, const char *service,
	       const char *server, const char *detail);
void book_end(struct book *book, const struct book_view *view, struct alert *alert);

/*
 * One round of signals: each that stands is raised; `keep` says of one that nobody knows about it now: it stays as it is. At the
 * end the open alerts by signal of which nothing was said are over.
 */
void book_round_begin(struct book *book);
void book_keep(struct book *book, enum alert_kind kind, const char *service, const char *server);
void book_round_end(struct book *book, const struct book_view *view);

/* What time does: repeats, steps, ends of events and acknowledgements; what is done with is forgotten. */
void book_step(struct book *book, const struct book_view *view);

struct alert *book_find(struct book *book, enum alert_kind kind, const char *service, const char *server);
size_t book_n_open(const struct book *book);
struct alert *book_by_id(struct book *book, uint64_t id);
void book_ack(struct book *book, struct alert *alert, const char *owner, int64_t for_ms, int64_t now_ms);
bool book_is_acked(const struct alert *alert, int64_t now_ms);

/* After a read back: times of a boot and moment that are gone, in terms of now. */
void book_rebase(struct book *book, int64_t shift_ms);

/* post.c: deliveries. */
struct receiver_run *book_run(struct book *book, const char *receiver);
/* The delivery to be started next, marked as under way; false: none is due. */
bool book_next_post(struct book *book, const struct config *config, int64_t now_ms, struct alert **alert,
		    struct alert_post **post);
enum book_outcome {
	BOOK_TAKEN,
	BOOK_FAILED,   /* the receiver is not well: it is left alone for a while */
	BOOK_REJECTED, /* it does not want this one: the others go first */
};
void book_posted(struct book *book, uint64_t id, const char *receiver, bool page, enum book_outcome outcome,
		 int64_t retry_after_ms, const char *fault, int64_t now_ms);

/* book_json.c: the spool's text. -EINVAL with `why` when it is damaged. Entries of an unknown kind are left out. */
char *book_format(const struct book *book, const struct lease_clock *clock);
int book_parse(const char *text, const struct lease_clock *clock, struct book **out, char *why, size_t n);

#endif
