// SPDX-License-Identifier: GPL-2.0-or-later
/* Deliveries: a post of the book, a sign of life or a test becomes a body and a transfer; its end goes back. */
#include <stdio.h>

#include "../child.h"
#include "../clock.h"
#include "../log.h"
#include "alerts.h"
#include "secret.h"

#define TESTS_AT_ONCE 4

enum kind { POST, HEARTBEAT, TEST };

struct deliver {
	struct alerts *alerts; /* all borrowed */
	struct agent *agent;
	struct transfers *transfers;
	struct children *children;
	unsigned tests;
	bool closing;
};

struct delivery {
	struct deliver *deliver;
	enum kind kind;
	uint64_t id; /* of the alert */
	bool page;
	char receiver[MUSTER_NAME_SIZE];
	int64_t started_ms;
	uint32_t interval_ms; /* heartbeat */
	deliver_tested_fn tested;
	void *context;
};

int deliver_new(struct deliver **out, struct alerts *alerts, struct agent *agent)
{
	_cleanup_(deliver_free) struct deliver *deliver = calloc(1, sizeof(*deliver));
	int r;

	if (!deliver)
		return -ENOMEM;
	*deliver = (struct deliver){.alerts = alerts, .agent = agent};
	r = transfers_new(&deliver->transfers, agent->event);
	r = r < 0 ? r : children_new(&deliver->children, agent->event);
	if (r < 0)
		return r;
	*out = TAKE_PTR(deliver);
	return 0;
}

void deliver_free(struct deliver **deliver)
{
	if (*deliver) {
		(*deliver)->closing = true;
		transfers_free(&(*deliver)->transfers);
		children_free(&(*deliver)->children);
	}
	freep(deliver);
}

void deliver_place(const char *url, char *out, size_t size)
{
	const char *rest = url ? strstr(url, "://") : NULL;
	size_t length = rest ? (size_t)(rest - url) + 3 + strcspn(rest + 3, "/?#") : 0;

	snprintf(out, size, "%.*s", (int)length, rest ? url : "");
}

/* A receiver that begins to fail, and one that takes alerts again: a line each. */
static void note(struct deliver *deliver, const char *receiver, bool failed_before, const char *fault)
{
	if (!failed_before == !*fault)
		return;
	agent_note(deliver->agent, &(struct journal_entry){.kind = JOURNAL_ALERT_TOLD,
							   .server = receiver,
							   .from = *fault ? "takes alerts" : "fails",
							   .to = *fault ? "fails" : "takes alerts",
							   .cause = *fault ? fault : NULL});
}

static void heartbeat_done(struct book *book, const struct delivery *delivery, const char *fault)
{
	struct receiver_run *run = book_run(book, delivery->receiver);

	run->busy = false;
	run->failures = *fault ? run->failures + 1 : 0;
	run->delivered += !*fault;
	run->next_ms = delivery->started_ms + delivery->interval_ms;
	snprintf(run->fault, sizeof(run->fault), "%s", fault);
}

static void finished(struct delivery *delivery, enum answer_class answer, int64_t retry_after_ms, const char *fault)
{
	static const enum book_outcome outcomes[] = {
		[ANSWER_TAKEN] = BOOK_TAKEN, [ANSWER_LATER] = BOOK_FAILED, [ANSWER_REJECTED] = BOOK_REJECTED};
	struct deliver *deliver = delivery->deliver;
	struct book *book = alerts_book(deliver->alerts);
	const char *said = answer == ANSWER_TAKEN ? "" : fault;
	int64_t now_ms = clock_now_ms();

	if (delivery->kind == TEST) {
		deliver->tests--;
		delivery->tested(delivery->context, said, now_ms - delivery->started_ms);
	} else if (!deliver->closing) { /* else it stays owed, and is told after the next start */
		bool failed = book_run(book, delivery->receiver)->failures;

		if (delivery->kind == HEARTBEAT)
			heartbeat_done(book, delivery, said);
		else
			book_posted(book, delivery->id, delivery->receiver, delivery->page, outcomes[answer],
				    retry_after_ms, said, now_ms);
		note(deliver, delivery->receiver, failed, said);
	}
	free(delivery);
}

static void on_done(void *context, enum answer_class answer, int64_t retry_after_ms, const char *fault)
{
	struct delivery *delivery = context;
	struct deliver *deliver = delivery->deliver;

	finished(delivery, answer, retry_after_ms, fault);
	if (!deliver->closing)
		deliver_due(deliver, clock_now_ms());
}

static void on_ended(void *context, const char *fault)
{
	on_done(context, *fault ? ANSWER_LATER : ANSWER_TAKEN, 0, fault);
}

static int start_program(struct delivery *delivery, const struct receiver_conf *receiver, char *body, char *fault)
{
	_Static_assert(DELIVERY_FAULT_SIZE >= CHILD_FAULT_SIZE, "a program's fault is a delivery's");
	const struct child_conf conf = {.command = receiver->command, .input = body, .time_ms = DELIVERY_TIME_MS};
	int r = child_start(delivery->deliver->children, &conf, on_ended, delivery, fault);

	free(body);
	return r;
}

/* Body to transfer or program. `body` is taken over, NULL: no memory. */
static int start(struct delivery *delivery, const struct receiver_conf *receiver, const char *secret, char *body,
		 char *fault)
{
	struct deliver *deliver = delivery->deliver;
	char url[DELIVERY_SECRET_SIZE];
	int r = 0;

	if (!body) {
		snprintf(fault, DELIVERY_FAULT_SIZE, "no memory");
		return -ENOMEM;
	}
	if (receiver->type == RECEIVER_EXEC)
		return start_program(delivery, receiver, body, fault);
	if (receiver->url_file)
		r = secret_read(receiver->url_file, url, sizeof(url));
	if (r < 0) {
		snprintf(fault, DELIVERY_FAULT_SIZE, "reading its url_file: %s", strerror(-r));
		free(body);
		return r;
	}
	r = transfer_start(deliver->transfers, receiver, receiver->url_file ? url : receiver->url, secret, body,
			   on_done, delivery, fault);
	explicit_bzero(url, sizeof(url));
	return r;
}

static int start_message(struct delivery *delivery, const struct receiver_conf *receiver,
			 const struct alert_message *message, char *fault)
{
	struct deliver *deliver = delivery->deliver;
	char secret[DELIVERY_SECRET_SIZE];
	int r = secret_read(receiver->secret_file, secret, sizeof(secret));
	char *body;

	if (r < 0) {
		snprintf(fault, DELIVERY_FAULT_SIZE, "reading its secret_file: %s", strerror(-r));
		return r;
	}
	if (receiver->type == RECEIVER_HEARTBEAT)
		body = heartbeat_body(alerts_host(deliver->alerts), book_n_open(alerts_book(deliver->alerts)),
				      clock_wall_ms());
	else
		body = receiver_forms[receiver->type].body(message, receiver, secret);
	r = start(delivery, receiver, secret, body, fault);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

static struct delivery *delivery_new(struct deliver *deliver, enum kind kind, const struct receiver_conf *receiver)
{
	struct delivery *delivery = calloc(1, sizeof(*delivery));

	if (!delivery)
		return NULL;
	*delivery = (struct delivery){
		.deliver = deliver, .kind = kind, .started_ms = clock_now_ms(), .interval_ms = receiver->interval_ms};
	snprintf(delivery->receiver, sizeof(delivery->receiver), "%s", receiver->name);
	return delivery;
}

static const struct receiver_conf *receiver_by_name(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_receivers; i++)
		if (!strcmp(config->receivers[i].name, name))
			return &config->receivers[i];
	return NULL;
}

/* Signs of life that are due. */
static void beat(struct deliver *deliver, const struct config *config, int64_t now_ms)
{
	struct book *book = alerts_book(deliver->alerts);

	for (size_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_conf *receiver = &config->receivers[i];
		struct receiver_run *run = book_run(book, receiver->name);
		char fault[DELIVERY_FAULT_SIZE] = "";
		struct delivery *delivery;

		if (receiver->type != RECEIVER_HEARTBEAT || run->busy || now_ms < run->next_ms)
			continue;
		delivery = delivery_new(deliver, HEARTBEAT, receiver);
		if (!delivery)
			return;
		run->busy = true;
		if (start_message(delivery, receiver, NULL, fault) < 0)
			finished(delivery, ANSWER_LATER, 0, fault);
	}
}

static bool post_next(struct deliver *deliver, const struct config *config, int64_t now_ms)
{
	char fault[DELIVERY_FAULT_SIZE] = "";
	const struct receiver_conf *receiver;
	struct alert_message message;
	struct delivery *delivery;
	struct alert_post *post;
	struct alert *alert;

	if (!book_next_post(alerts_book(deliver->alerts), config, now_ms, &alert, &post))
		return false;
	receiver = receiver_by_name(config, post->receiver);
	delivery = delivery_new(deliver, POST, receiver);
	if (!delivery) {
		book_posted(alerts_book(deliver->alerts), alert->id, receiver->name, post->owes_page, BOOK_FAILED, 0,
			    "no memory", now_ms);
		return false;
	}
	delivery->id = alert->id;
	delivery->page = post->owes_page;
	message_of_alert(&message, alert, alerts_host(deliver->alerts), post->owes_page, clock_wall_ms());
	if (start_message(delivery, receiver, &message, fault) < 0)
		finished(delivery, ANSWER_LATER, 0, fault);
	return true;
}

void deliver_due(struct deliver *deliver, int64_t now_ms)
{
	const struct config *config = deliver->agent->model->config;

	beat(deliver, config, now_ms);
	while (post_next(deliver, config, now_ms))
		;
}

int deliver_test(struct deliver *deliver, const struct receiver_conf *receiver, deliver_tested_fn tested, void *context,
		 char *fault)
{
	struct alert_message message;
	struct delivery *delivery;
	int r;

	if (deliver->tests == TESTS_AT_ONCE)
		return -EBUSY;
	delivery = delivery_new(deliver, TEST, receiver);
	if (!delivery)
		return -ENOMEM;
	delivery->tested = tested;
	delivery->context = context;
	message_of_test(&message, receiver->name, alerts_host(deliver->alerts), clock_wall_ms());
	r = start_message(delivery, receiver, &message, fault);
	if (r < 0)
		free(delivery);
	else
		deliver->tests++;
	return r;
}
