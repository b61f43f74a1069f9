// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts.h"

#include <stdio.h>

#include "../clock.h"
#include "../log.h"
#include "../report/utf8.h"
#include "message.h"

#define JOURNAL_LINES_MOST 4096 /* looked at in one tick: all that are in memory */

struct alerts {
	struct agent *agent; /* borrowed */
	struct book *book;
	struct deliver *deliver;
	char host[ALERT_HOST_SIZE];
	bool unsaved; /* the last save failed */
	unsigned saving;
	unsigned since_failure; /* ticks */
};

struct book *alerts_book(struct alerts *alerts)
{
	return alerts->book;
}

const char *alerts_host(const struct alerts *alerts)
{
	return alerts->host;
}

struct deliver *alerts_deliver(struct alerts *alerts)
{
	return alerts->deliver;
}

/* --- the spool --------------------------------------------------------------------------------------------------- */

struct saving {
	struct alerts *alerts;
	writer_done_fn done;
	void *context;
};

static void saved(void *context, int error)
{
	_cleanup_(freep) struct saving *saving = context;
	struct alerts *alerts = saving->alerts;

	alerts->saving--;
	if (error && !alerts->unsaved)
		log_error("alerts: saving them: %s; they are told all the same, and a restart would tell them again",
			  strerror(-error));
	alerts->unsaved = error != 0;
	alerts->since_failure = 0;
	if (saving->done)
		saving->done(saving->context, error);
}

void alerts_save(struct alerts *alerts, writer_done_fn done, void *context)
{
	_cleanup_(freep) struct saving *saving = calloc(1, sizeof(*saving));
	struct lease_clock clock = agent_clock(alerts->agent);
	_cleanup_(freep) char *text = book_format(alerts->book, &clock);

	alerts->book->changed = false;
	if (text && saving) {
		*saving = (struct saving){.alerts = alerts, .done = done, .context = context};
		alerts->saving++;
		writer_replace(alerts->agent->writer, WRITER_ALERTS, text, saved, TAKE_PTR(saving));
	} else if (done) {
		done(context, -ENOMEM);
	}
}

static int read_spool(struct alerts *alerts, char *why, size_t n)
{
	struct lease_clock clock = agent_clock(alerts->agent);
	_cleanup_(freep) char *text = NULL;
	int r = writer_read(alerts->agent->model->config->state_dir, WRITER_ALERTS, &text);

	return r < 0 || !text ? r : book_parse(text, &clock, &alerts->book, why, n);
}

int alerts_new(struct alerts **out, struct agent *agent)
{
	_cleanup_(alerts_free) struct alerts *alerts = calloc(1, sizeof(*alerts));
	char why[256] = "";
	int r;

	if (!alerts)
		return -ENOMEM;
	alerts->agent = agent;
	if (gethostname(alerts->host, sizeof(alerts->host) - 1) < 0 || !alerts->host[0])
		snprintf(alerts->host, sizeof(alerts->host), "unknown");
	r = read_spool(alerts, why, sizeof(why));
	if (r < 0)
		log_error("alerts: reading those of before from %s: %s; what still stands is raised again",
			  agent->model->config->state_dir, *why ? why : strerror(-r));
	if (!alerts->book) {
		r = book_new(&alerts->book);
		if (r < 0)
			return r;
		alerts->book->journal_seq = agent->journal_before;
	}
	r = deliver_new(&alerts->deliver, alerts, agent);
	if (r < 0)
		return r;
	*out = TAKE_PTR(alerts);
	return 0;
}

void alerts_stop(struct alerts *alerts)
{
	if (!alerts)
		return;
	deliver_free(&alerts->deliver);
	if (alerts->book->changed)
		alerts_save(alerts, NULL, NULL);
}

void alerts_free(struct alerts **alerts)
{
	struct alerts *a = *alerts;

	if (!a)
		return;
	deliver_free(&a->deliver);
	book_free(&a->book);
	freep(alerts);
}

const char *alerts_first(const struct alerts *alerts, char *buf, size_t n)
{
	for (size_t i = 0; i < alerts->book->n; i++) {
		const struct alert *alert = alerts->book->alerts[i];

		if (alert->over || alert->kind == ALERT_NOT_CARRIED)
			continue;
		snprintf(buf, n, "%s%s%s %s", alert->service, *alert->service && *alert->server ? "/" : "",
			 alert->server, alert_rules[alert->kind].title);
		return buf;
	}
	return NULL;
}

/* --- the tick ---------------------------------------------------------------------------------------------------- */

static void on_news(void *context, const struct alert *alert, enum book_news news)
{
	static const char *const words[] = {
		[BOOK_RAISED] = "open", [BOOK_TOLD] = "told", [BOOK_OVER] = "over", [BOOK_GIVEN_UP] = "given up"};
	static const enum journal_kind kinds[] = {[BOOK_RAISED] = JOURNAL_ALERT,
						  [BOOK_TOLD] = JOURNAL_ALERT_TOLD,
						  [BOOK_OVER] = JOURNAL_ALERT_OVER,
						  [BOOK_GIVEN_UP] = JOURNAL_ALERT_TOLD};
	const struct alert_rule *rule = &alert_rules[alert->kind];
	struct alerts *alerts = context;
	char to[96];

	if (news == BOOK_TOLD && !alert->n_posts)
		return;
	snprintf(to, sizeof(to), "%s %s", rule->name, words[news]);
	agent_note(alerts->agent, &(struct journal_entry){.kind = kinds[news],
							  .service = alert->service,
							  .server = alert->server,
							  .to = to,
							  .cause = news == BOOK_RAISED ? alert->detail : NULL});
}

static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

/* A line that names no server is about the whole agent: its file, or its host. */
static const char *subject_of(const struct alerts *alerts, enum alert_kind kind, const json_t *line)
{
	const char *server = text_of(line, "server");

	if (*server || *text_of(line, "service"))
		return server;
	return kind == ALERT_CONFIG_BACK ? alerts->agent->file : alerts->host;
}

static void match(struct alerts *alerts, const struct book_view *view, const json_t *line)
{
	for (int kind = 0; kind < ALERT_KINDS_N; kind++) {
		int what = alert_rule_match(&alert_rules[kind], text_of(line, "kind"), text_of(line, "to"));
		const char *service = text_of(line, "service");
		const char *server = what ? subject_of(alerts, kind, line) : "";
		struct alert *alert = what < 0 ? book_find(alerts->book, kind, service, server) : NULL;

		alerts->book->changed |= what != 0; /* a line that counted is not to count again after a restart */
		if (what > 0)
			book_raise(alerts->book, view, kind, service, server, text_of(line, "cause"));
		else if (alert)
			book_end(alerts->book, view, alert);
	}
}

static void read_journal(struct alerts *alerts, const struct book_view *view)
{
	struct book *book = alerts->book;
	uint64_t last = journal_seq(alerts->agent->journal);
	json_t *lines;
	size_t i;
	json_t *line;

	if (last < book->journal_seq) /* another journal */
		book->journal_seq = last;
	if (last == book->journal_seq)
		return;
	lines = journal_recent(alerts->agent->journal, book->journal_seq, JOURNAL_LINES_MOST);
	json_array_foreach(lines, i, line) match(alerts, view, line);
	json_decref(lines);
	book->journal_seq = last;
}

void alerts_tick(struct alerts *alerts, int64_t now_ms)
{
	const struct book_view view = {
		.config = alerts->agent->model->config,
		.now_ms = now_ms,
		.wall_ms = clock_wall_ms(),
		.news = on_news,
		.context = alerts,
	};
	bool retry = alerts->unsaved && alerts->since_failure++ % 4 == 3;

	read_journal(alerts, &view);
	/* Before, nothing is known of servers and interfaces. */
	if (alerts->agent->begun) {
		book_round_begin(alerts->book);
		alerts_standing(alerts->agent, alerts->book, &view);
		book_round_end(alerts->book, &view);
	}
	book_step(alerts->book, &view);
	deliver_due(alerts->deliver, now_ms);
	if ((alerts->book->changed || retry) && !alerts->saving)
		alerts_save(alerts, NULL, NULL);
}
