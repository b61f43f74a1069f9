// SPDX-License-Identifier: GPL-2.0-or-later
/* Which delivery is next, and what its end means for those after it. */
#include <stdio.h>

#include "book.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS  (5 * 60 * 1000)
#define PROGRAMS_MOST    4 /* at once */
#define TRIED_MOST       2 /* of these such as failed last: they must not keep those that work waiting */

struct receiver_run *book_run(struct book *book, const char *receiver)
{
	struct receiver_run *run = NULL;

	for (size_t i = 0; i < book->n_runs; i++)
		if (!strcmp(book->runs[i].name, receiver))
			return &book->runs[i];
	/* The place of one that is not configured any more is the first that is idle and owes nothing. */
	for (size_t i = 0; i < book->n_runs && book->n_runs == ARRAY_SIZE(book->runs); i++)
		if (!book->runs[i].busy)
			run = &book->runs[i];
	if (!run)
		run = &book->runs[MIN(book->n_runs, ARRAY_SIZE(book->runs) - 1)];
	book->n_runs = MIN(book->n_runs + 1, ARRAY_SIZE(book->runs));
	*run = (struct receiver_run){0};
	snprintf(run->name, sizeof(run->name), "%s", receiver);
	return run;
}

/* Of one receiver: what was tried least goes first, then the oldest. */
static struct alert_post *first_owed(struct book *book, const char *receiver, struct alert **of)
{
	struct alert_post *first = NULL;

	for (size_t i = 0; i < book->n; i++)
		for (size_t k = 0; k < book->alerts[i]->n_posts; k++) {
			struct alert_post *post = &book->alerts[i]->posts[k];

			if (strcmp(post->receiver, receiver) || (!post->owes_page && !post->owes_end) ||
			    (first && first->attempts <= post->attempts))
				continue;
			first = post;
			*of = book->alerts[i];
		}
	return first;
}

/* Programs that run for a receiver; `failing`: whose last one failed. */
static unsigned running(struct book *book, const struct config *config, bool failing)
{
	unsigned n = 0;

	for (size_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_run *run = book_run(book, config->receivers[i].name);

		n += config->receivers[i].type == RECEIVER_EXEC && run->busy && (run->failures || !failing);
	}
	return n;
}

/* A request that hangs costs nobody anything, so each receiver has its own; programs are processes, and share. */
static bool has_room(struct book *book, const struct config *config, const struct receiver_conf *receiver)
{
	if (receiver->type != RECEIVER_EXEC)
		return true;
	return running(book, config, false) < PROGRAMS_MOST &&
	       (!book_run(book, receiver->name)->failures || running(book, config, true) < TRIED_MOST);
}

/* Those that work first. */
static bool next_of(struct book *book, const struct config *config, int64_t now_ms, bool failing, struct alert **alert,
		    struct alert_post **post)
{
	for (size_t i = 0; i < config->n_receivers; i++) {
		struct receiver_run *run = book_run(book, config->receivers[i].name);

		if (run->busy || !run->failures == failing || now_ms < run->next_ms ||
		    !has_room(book, config, &config->receivers[i]))
			continue;
		*post = first_owed(book, run->name, alert);
		if (!*post)
			continue;
		(*post)->under_way = true;
		run->busy = true;
		return true;
	}
	return false;
}

bool book_next_post(struct book *book, const struct config *config, int64_t now_ms, struct alert **alert,
		    struct alert_post **post)
{
	return next_of(book, config, now_ms, false, alert, post) || next_of(book, config, now_ms, true, alert, post);
}

static void went_wrong(struct receiver_run *run, struct alert_post *post, enum book_outcome outcome,
		       int64_t retry_after_ms, const char *fault, int64_t now_ms)
{
	int64_t wait_ms = BACKOFF_FIRST_MS << MIN(run->failures, 9u);

	snprintf(run->fault, sizeof(run->fault), "%s", fault);
	run->failures++;
	run->next_ms = now_ms + MAX(MIN(wait_ms, BACKOFF_MOST_MS), MIN(retry_after_ms, BACKOFF_MOST_MS));
	if (post && outcome == BOOK_REJECTED)
		post->attempts++;
}

static struct alert_post *find_post(struct alert *alert, const char *receiver)
{
	for (size_t i = 0; alert && i < alert->n_posts; i++)
		if (!strcmp(alert->posts[i].receiver, receiver))
			return &alert->posts[i];
	return NULL;
}

void book_posted(struct book *book, uint64_t id, const char *receiver, bool page, enum book_outcome outcome,
		 int64_t retry_after_ms, const char *fault, int64_t now_ms)
{
	struct receiver_run *run = book_run(book, receiver);
	struct alert *alert = book_by_id(book, id);
	struct alert_post *post = find_post(alert, receiver);

	run->busy = false;
	if (post)
		post->under_way = false;
	if (outcome != BOOK_TAKEN) {
		went_wrong(run, post, outcome, retry_after_ms, fault, now_ms);
		return;
	}
	run->failures = 0;
	run->next_ms = 0;
	run->fault[0] = '\0';
	run->delivered++;
	if (!post)
		return;
	post->attempts = 0;
	post->told = page;
	if (page)
		post->owes_page = false;
	else
		post->owes_end = false;
	book->changed = true;
}
