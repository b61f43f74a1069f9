/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: one JSON line per change of state, in order, on disk through the writer, in memory (the last 4,096)
 * for `show events`, and pushed to followers. The same change is one log line for people.
 */
#ifndef MUSTER_JOURNAL_H
#define MUSTER_JOURNAL_H

#include <jansson.h>

#include "../base.h"
#include "writer.h"

/* clang-format off */
#define JOURNAL_KINDS(X) \
	/*  NAME          name            level (log.h) */ \
	X(STARTED,        started,        NOTICE) \
	X(STOPPED,        stopped,        NOTICE) \
	X(RELOADED,       reloaded,       NOTICE) \
	X(RELOAD_REFUSED, reload_refused, ERROR) \
	X(CONFIG,         config,         NOTICE) \
	X(CONFIG_BACK,    config_back,    ERROR) \
	X(CONFIG_PENDING, config_pending, ERROR) \
	X(HEALTH,         health,         NOTICE) \
	X(WEIGHT,         weight,         NOTICE) \
	X(MEMORY,         memory,         NOTICE) \
	X(FORECAST,       forecast,       WARNING) \
	X(SIGNALS,        signals,        WARNING) \
	X(ORDER,          order,          NOTICE) \
	X(ORDER_EXTENDED, order_extended, NOTICE) \
	X(ORDER_ENDING,   order_ending,   WARNING) \
	X(ORDER_REMINDER, order_reminder, WARNING) \
	X(ORDER_RECALLED, order_recalled, ERROR) \
	X(ORDER_ORPHANED, order_orphaned, WARNING) \
	X(ORDER_ENDED,    order_ended,    NOTICE) \
	X(ORDER_OVERDUE,  order_overdue,  ERROR) \
	X(GATE,           gate,           WARNING) \
	X(REHEARSAL,      rehearsal,      NOTICE) \
	X(RECYCLE,        recycle,        NOTICE) \
	X(CLOCK,          clock,          WARNING) \
	X(ADDED,          added,          NOTICE) \
	X(REMOVED,        removed,        NOTICE) \
	X(FLOWS_RESET,    flows_reset,    WARNING) \
	X(FAIL_OPEN,      fail_open,      ERROR) \
	X(SUSPECT,        suspect,        ERROR) \
	X(BACKUP,         backup,         WARNING) \
	X(SYNC,           sync,           INFO) \
	X(INTERFACE,      interface,      NOTICE) \
	X(NEIGHBOUR,      neighbour,      WARNING) \
	X(PACKETS,        packets,        WARNING) \
	X(STORAGE,        storage,        ERROR) \
	X(AUDIT,          audit,          WARNING) \
	X(ALERT,          alert,          WARNING) \
	X(ALERT_OVER,     alert_over,     NOTICE) \
	X(ALERT_ACKED,    alert_acked,    NOTICE) \
	X(ALERT_TOLD,     alert_told,     INFO)
/* clang-format on */
enum journal_kind {
#define X(NAME, name, level) JOURNAL_##NAME,
	JOURNAL_KINDS(X)
#undef X
		JOURNAL_KINDS_N
};

/* One change. Strings are copied; NULL or empty fields are left out of the line. */
struct journal_entry {
	enum journal_kind kind;
	const char *service, *server;
	const char *from, *to; /* old and new, in the operator's words */
	const char *cause;     /* which observer or who, and why */
	const char *owner;
	int64_t duration_ms; /* of the check, or of the state that ended; 0: left out */
};

struct journal;

int journal_new(struct journal **out, struct writer *writer, const char *dir);
void journal_free(struct journal **journal);

/* Writes the change to memory, disk, followers and the log. `wall_ms` stamps it. */
void journal_write(struct journal *journal, int64_t wall_ms, const struct journal_entry *entry);

/* Entries with seq > since, oldest first, at most `most` (the newest ones): a new array of objects. */
json_t *journal_recent(struct journal *journal, uint64_t since, size_t most);

/* The number of the last entry; 0: none yet. */
uint64_t journal_seq(const struct journal *journal);

/* Called with each new line (JSON text without newline) as it is written. */
typedef void (*journal_follow_fn)(void *context, const char *line, size_t length);
void journal_set_follower(struct journal *journal, journal_follow_fn follow, void *context);

const char *journal_kind_name(enum journal_kind kind);

#endif
