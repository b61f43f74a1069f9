// SPDX-License-Identifier: GPL-2.0-or-later
#include "book.h"

#include <stdio.h>

#define GIVE_UP_MS (24 * 60 * 60 * 1000LL)

int book_new(struct book **out)
{
	struct book *book = calloc(1, sizeof(*book));

	if (!book)
		return -ENOMEM;
	book->next_id = 1;
	*out = book;
	return 0;
}

void book_free(struct book **book)
{
	for (size_t i = 0; *book && i < (*book)->n; i++)
		free((*book)->alerts[i]);
	if (*book)
		free((*book)->alerts);
	freep(book);
}

struct alert *book_find(struct book *book, enum alert_kind kind, const char *service, const char *server)
{
	for (size_t i = 0; i < book->n; i++) {
		struct alert *alert = book->alerts[i];

		if (alert->kind == kind && !strcmp(alert->service, service) &&
		    !strncmp(alert->server, server, sizeof(alert->server) - 1))
			return alert;
	}
	return NULL;
}

struct alert *book_by_id(struct book *book, uint64_t id)
{
	for (size_t i = 0; i < book->n; i++)
		if (book->alerts[i]->id == id)
			return book->alerts[i];
	return NULL;
}

size_t book_n_open(const struct book *book)
{
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++)
		n += !book->alerts[i]->over;
	return n;
}

bool book_is_acked(const struct alert *alert, int64_t now_ms)
{
	return now_ms < alert->acked_until_ms;
}

static void tell(const struct book_view *view, const struct alert *alert, enum book_news news)
{
	if (view->news)
		view->news(view->context, alert, news);
}

static int enter(struct book *book, enum alert_kind kind, const char *service, const char *server, struct alert **out)
{
	struct alert *alert, **alerts;

	if (book->n == ALERTS_MOST) {
		book->lost++;
		return -ENOSPC;
	}
	alerts = reallocarray(book->alerts, book->n + 1, sizeof(struct alert *));
	if (!alerts)
		return -ENOMEM;
	book->alerts = alerts;
	alert = calloc(1, sizeof(*alert));
	if (!alert)
		return -ENOMEM;
	*alert = (struct alert){.id = book->next_id++, .kind = kind, .told_ms = ALERT_NEVER};
	snprintf(alert->service, sizeof(alert->service), "%s", service);
	snprintf(alert->server, sizeof(alert->server), "%s", server);
	alerts[book->n++] = alert;
	*out = alert;
	return 0;
}

/* When an alert that came back may be told. */
static int64_t flap_ends(const struct book *book, const struct alert *alert, const struct config *config)
{
	int64_t of_rule = book->flap_told_ms[alert->kind], ends = 0;

	if (alert->told_ms != ALERT_NEVER)
		ends = alert->told_ms + config->alerts.flap_ms;
	return of_rule ? MAX(ends, of_rule + config->alerts.flap_ms) : ends;
}

static void reopen(struct book *book, const struct book_view *view, struct alert *alert)
{
	alert->over = false;
	alert->times++;
	alert->step = 0;
	alert->since_wall_ms = view->wall_ms;
	alert->changed_ms = view->now_ms;
	alert->due_ms = alert->times == 1 ? view->now_ms : MAX(view->now_ms, flap_ends(book, alert, view->config));
	/* Who has not heard yet that it was over need not: it is not. */
	for (size_t i = 0; i < alert->n_posts; i++)
		alert->posts[i].owes_end = false;
	book->changed = true;
}

int book_raise(struct book *book, const struct book_view *view, enum alert_kind kind, const char *service,
	       const char *server, const char *detail)
{
	struct alert *alert = book_find(book, kind, service, server);
	int64_t lasts_s = alert_rules[kind].trigger.lasts_s;
	bool fresh = !alert || alert->over;
	int error = alert ? 0 : enter(book, kind, service, server, &alert);

	if (error)
		return error;
	if (fresh)
		reopen(book, view, alert);
	alert->stands = true;
	alert->lapses_ms = lasts_s ? view->now_ms + lasts_s * 1000 : ALERT_NEVER;
	/* Details that count on would have the book saved each half second: the disk gets them with the next change. */
	snprintf(alert->detail, sizeof(alert->detail), "%s", detail);
	if (fresh)
		tell(view, alert, BOOK_RAISED);
	return 0;
}

void book_end(struct book *book, const struct book_view *view, struct alert *alert)
{
	if (alert->over)
		return;
	alert->over = true;
	alert->over_wall_ms = view->wall_ms;
	alert->changed_ms = view->now_ms;
	alert->due_ms = ALERT_NEVER;
	for (size_t i = 0; i < alert->n_posts; i++) {
		struct alert_post *post = &alert->posts[i];

		post->owes_end = post->told || post->owes_page;
	}
	book->changed = true;
	tell(view, alert, BOOK_OVER);
}

void book_round_begin(struct book *book)
{
	for (size_t i = 0; i < book->n; i++)
		book->alerts[i]->stands = alert_rules[book->alerts[i]->kind].trigger.journal;
}

void book_keep(struct book *book, enum alert_kind kind, const char *service, const char *server)
{
	struct alert *alert = book_find(book, kind, service, server);

	if (alert)
		alert->stands = true;
}

void book_round_end(struct book *book, const struct book_view *view)
{
	for (size_t i = 0; i < book->n; i++)
		if (!book->alerts[i]->stands)
			book_end(book, view, book->alerts[i]);
}

void book_ack(struct book *book, struct alert *alert, const char *owner, int64_t for_ms, int64_t now_ms)
{
	snprintf(alert->acked_by, sizeof(alert->acked_by), "%s", owner);
	alert->acked_until_ms = now_ms + MIN(for_ms, ALERT_ACK_MOST_S * 1000LL);
	alert->due_ms = alert->over ? ALERT_NEVER : alert->acked_until_ms;
	book->changed = true;
}

static struct alert_post *post_of(struct alert *alert, const char *receiver)
{
	struct alert_post *post;

	for (size_t i = 0; i < alert->n_posts; i++)
		if (!strcmp(alert->posts[i].receiver, receiver))
			return &alert->posts[i];
	if (alert->n_posts == ARRAY_SIZE(alert->posts))
		return NULL;
	post = &alert->posts[alert->n_posts++];
	*post = (struct alert_post){0};
	snprintf(post->receiver, sizeof(post->receiver), "%s", receiver);
	return post;
}

/* Is there a receiver that this alert concerns at all? */
static bool concerns(const struct alert *alert, const struct receiver_conf *receiver)
{
	return receiver->type != RECEIVER_HEARTBEAT && alert_rules[alert->kind].severity >= receiver->least &&
	       !(alert->kind == ALERT_RECEIVER_FAILING && !strcmp(alert->server, receiver->name));
}

/* The next step that has a receiver for it, or the present one where there is none beyond. */
static unsigned next_step(const struct alert *alert, const struct config *config)
{
	unsigned next = 0;

	for (size_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_conf *receiver = &config->receivers[i];

		if (concerns(alert, receiver) && receiver->step > alert->step && (!next || receiver->step < next))
			next = receiver->step;
	}
	return next ? next : alert->step;
}

/* Whoever is concerned, up to the next step, is owed a page. */
static void page(struct book *book, const struct book_view *view, struct alert *alert)
{
	const struct config *config = view->config;
	bool once = alert_rules[alert->kind].severity == ALERT_INFO || !config->alerts.repeat_ms;

	alert->step = next_step(alert, config);
	for (size_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_conf *receiver = &config->receivers[i];
		struct alert_post *post;

		if (!concerns(alert, receiver) || receiver->step > alert->step)
			continue;
		post = post_of(alert, receiver->name);
		if (post)
			post->owes_page = true;
	}
	if (alert->times > 1 && (alert->told_ms == ALERT_NEVER || alert->told_ms < alert->changed_ms))
		book->flap_told_ms[alert->kind] = view->now_ms;
	alert->told_ms = view->now_ms;
	alert->due_ms = once ? ALERT_NEVER : view->now_ms + config->alerts.repeat_ms;
	book->changed = true;
	tell(view, alert, BOOK_TOLD);
}

static void step_open(struct book *book, const struct book_view *view, struct alert *alert)
{
	if (view->now_ms >= alert->lapses_ms) {
		book_end(book, view, alert);
		return;
	}
	if (view->now_ms < alert->due_ms || book_is_acked(alert, view->now_ms))
		return;
	/* Another one of the rule was told meanwhile: this one waits for its own turn. */
	if (alert->times > 1 && !alert->step && view->now_ms < flap_ends(book, alert, view->config)) {
		alert->due_ms = flap_ends(book, alert, view->config);
		return;
	}
	page(book, view, alert);
}

static bool owes(const struct alert *alert, bool *under_way)
{
	bool any = false;

	for (size_t i = 0; i < alert->n_posts; i++) {
		any |= alert->posts[i].owes_page || alert->posts[i].owes_end;
		*under_way |= alert->posts[i].under_way;
	}
	return any;
}

/* Whether nothing is left to be done for an alert that is over. */
static bool is_done(struct book *book, const struct book_view *view, const struct alert *alert)
{
	int64_t age_ms = view->now_ms - alert->changed_ms;
	bool under_way = false, owed = owes(alert, &under_way);

	if (under_way || age_ms < view->config->alerts.flap_ms || (owed && age_ms < GIVE_UP_MS))
		return false;
	if (owed) {
		book->lost++;
		tell(view, alert, BOOK_GIVEN_UP);
	}
	return true;
}

/* What is owed to a receiver that is not configured any more is owed to nobody. */
static void drop_strangers(struct alert *alert, const struct config *config)
{
	for (size_t i = alert->n_posts; i-- > 0;) {
		bool known = alert->posts[i].under_way;

		for (size_t k = 0; k < config->n_receivers; k++)
			known |= !strcmp(config->receivers[k].name, alert->posts[i].receiver);
		if (known)
			continue;
		alert->n_posts--;
		memmove(&alert->posts[i], &alert->posts[i + 1], (alert->n_posts - i) * sizeof(alert->posts[0]));
	}
}

void book_step(struct book *book, const struct book_view *view)
{
	for (size_t i = book->n; i-- > 0;) {
		struct alert *alert = book->alerts[i];

		drop_strangers(alert, view->config);
		if (!alert->over) {
			step_open(book, view, alert);
		} else if (is_done(book, view, alert)) {
			free(alert);
			book->n--;
			memmove(&book->alerts[i], &book->alerts[i + 1], (book->n - i) * sizeof(*book->alerts));
			book->changed = true;
		}
	}
}

static void shift(int64_t *at_ms, int64_t by_ms)
{
	if (*at_ms && *at_ms != ALERT_NEVER)
		*at_ms += by_ms;
}

void book_rebase(struct book *book, int64_t shift_ms)
{
	for (size_t i = 0; i < book->n; i++) {
		struct alert *alert = book->alerts[i];

		shift(&alert->changed_ms, shift_ms);
		shift(&alert->lapses_ms, shift_ms);
		shift(&alert->told_ms, shift_ms);
		shift(&alert->due_ms, shift_ms);
		shift(&alert->acked_until_ms, shift_ms);
	}
	for (size_t i = 0; i < ALERT_KINDS_N; i++)
		shift(&book->flap_told_ms[i], shift_ms);
}
