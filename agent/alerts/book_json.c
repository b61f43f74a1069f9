// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The book as text, and back. Times of CLOCK_BOOTTIME stand there as they are, beside the boot and both clocks at the save: in the same boot
 * they hold; after another one they are moved by what the wall clock says has passed, and by nothing where it went back.
 */
#include <jansson.h>
#include <stdio.h>

#include "book.h"

#define BOOK_SCHEMA 1

#define NUMBER_MOST (1LL << 60) /* sums of a few do not overflow */

enum type { TEXT, FLAG, COUNT, NUMBER };

/* Written and read by the same table. */
struct field {
	const char *name;
	enum type type;
	size_t offset, size;
};

#define FIELD(object, type, member)                                                                                    \
	{                                                                                                              \
#member, type, offsetof(struct object, member), sizeof(((struct object *)0)->member)                   \
	}

static const struct field alert_fields[] = {
	FIELD(alert, NUMBER, id),
	FIELD(alert, TEXT, service),
	FIELD(alert, TEXT, server),
	FIELD(alert, TEXT, detail),
	FIELD(alert, FLAG, over),
	FIELD(alert, COUNT, times),
	FIELD(alert, NUMBER, since_wall_ms),
	FIELD(alert, NUMBER, over_wall_ms),
	FIELD(alert, NUMBER, changed_ms),
	FIELD(alert, NUMBER, lapses_ms),
	FIELD(alert, NUMBER, told_ms),
	FIELD(alert, NUMBER, due_ms),
	FIELD(alert, COUNT, step),
	FIELD(alert, NUMBER, acked_until_ms),
	FIELD(alert, TEXT, acked_by),
	{},
};

static const struct field post_fields[] = {
	FIELD(alert_post, TEXT, receiver),
	FIELD(alert_post, FLAG, told),
	FIELD(alert_post, FLAG, owes_page),
	FIELD(alert_post, FLAG, owes_end),
	{},
};

static const struct field book_fields[] = {
	FIELD(book, NUMBER, next_id),
	FIELD(book, NUMBER, journal_seq),
	FIELD(book, NUMBER, lost),
	{},
};

static json_t *write_field(const struct field *field, const void *base)
{
	const void *at = (const char *)base + field->offset;
	json_t *text;

	switch (field->type) {
	case TEXT:
		text = json_string(at);
		/* A detail that was cut inside a character is worth less than the alert. */
		return text ? text : json_string("");
	case FLAG:
		return json_boolean(*(const bool *)at);
	case COUNT:
		return json_integer(*(const unsigned *)at);
	default:
		return json_integer(*(const int64_t *)at);
	}
}

static json_t *write_object(const struct field *fields, const void *base)
{
	json_t *object = json_object();

	for (; fields->name; fields++)
		json_object_set_new(object, fields->name, write_field(fields, base));
	return object;
}

static int read_field(const struct field *field, const json_t *value, void *base)
{
	void *at = (char *)base + field->offset;

	if (field->type == TEXT) {
		if (!json_is_string(value) || json_string_length(value) >= field->size)
			return -EINVAL;
		memcpy(at, json_string_value(value), json_string_length(value) + 1);
	} else if (field->type == FLAG) {
		if (!json_is_boolean(value))
			return -EINVAL;
		*(bool *)at = json_is_true(value);
	} else {
		json_int_t number = json_integer_value(value);

		if (!json_is_integer(value) || (field->type == COUNT && (number < 0 || number > INT32_MAX)))
			return -EINVAL;
		if (number != ALERT_NEVER && (number > NUMBER_MOST || number < -NUMBER_MOST))
			return -EINVAL;
		if (field->type == COUNT)
			*(unsigned *)at = (unsigned)number;
		else
			*(int64_t *)at = number;
	}
	return 0;
}

static int read_object(const struct field *fields, const json_t *object, void *base, char *why, size_t n)
{
	for (; fields->name; fields++)
		if (read_field(fields, json_object_get(object, fields->name), base) < 0) {
			snprintf(why, n, "'%s' is missing, or of the wrong kind", fields->name);
			return -EINVAL;
		}
	return 0;
}

static json_t *write_alert(const struct alert *alert)
{
	json_t *object = write_object(alert_fields, alert), *posts = json_array();

	json_object_set_new(object, "alert", json_string(alert_rules[alert->kind].name));
	for (size_t i = 0; i < alert->n_posts; i++)
		json_array_append_new(posts, write_object(post_fields, &alert->posts[i]));
	json_object_set_new(object, "posts", posts);
	return object;
}

char *book_format(const struct book *book, const struct lease_clock *clock)
{
	json_t *root = write_object(book_fields, book), *alerts = json_array(), *flaps = json_object();
	char *text;

	json_object_set_new(root, "schema", json_integer(BOOK_SCHEMA));
	json_object_set_new(root, "boot_id", json_string(clock->boot_id));
	json_object_set_new(root, "saved_ms", json_integer(clock->now_ms));
	json_object_set_new(root, "saved_wall_ms", json_integer(clock->wall_ms));
	for (size_t i = 0; i < ALERT_KINDS_N; i++)
		if (book->flap_told_ms[i])
			json_object_set_new(flaps, alert_rules[i].name, json_integer(book->flap_told_ms[i]));
	json_object_set_new(root, "flaps", flaps);
	for (size_t i = 0; i < book->n; i++)
		json_array_append_new(alerts, write_alert(book->alerts[i]));
	json_object_set_new(root, "alerts", alerts);
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static int read_posts(const json_t *list, struct alert *alert, char *why, size_t n)
{
	const json_t *value;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, value)
	{
		if (alert->n_posts == ARRAY_SIZE(alert->posts))
			break;
		r = read_object(post_fields, value, &alert->posts[alert->n_posts], why, n);
		if (r < 0)
			return r;
		alert->n_posts++;
	}
	return 0;
}

static int read_alert(const json_t *value, struct book *book, char *why, size_t n)
{
	const char *name = json_string_value(json_object_get(value, "alert"));
	int kind = name ? alert_kind_by_name(name) : -EINVAL, r;
	_cleanup_(freep) struct alert *alert = NULL;

	if (kind == -ENOENT) /* of another version */
		return 0;
	if (kind < 0) {
		snprintf(why, n, "an alert has no name");
		return -EINVAL;
	}
	alert = calloc(1, sizeof(*alert));
	if (!alert)
		return -ENOMEM;
	alert->kind = kind;
	r = read_object(alert_fields, value, alert, why, n);
	r = r < 0 ? r : read_posts(json_object_get(value, "posts"), alert, why, n);
	if (!r && (alert->id < 1 || alert->id > NUMBER_MOST)) {
		snprintf(why, n, "an alert has no number");
		r = -EINVAL;
	}
	if (r < 0)
		return r;
	book->next_id = MAX(book->next_id, alert->id + 1);
	book->alerts[book->n++] = TAKE_PTR(alert);
	return 0;
}

static int read_alerts(const json_t *list, struct book *book, char *why, size_t n)
{
	size_t most = MIN(json_array_size(list), (size_t)ALERTS_MOST);
	int r = 0;

	book->alerts = calloc(most + 1, sizeof(struct alert *));
	if (!book->alerts)
		return -ENOMEM;
	for (size_t i = 0; i < most && !r; i++)
		r = read_alert(json_array_get(list, i), book, why, n);
	return r;
}

/* 0 where there is none that makes sense. */
static int64_t number_of(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > NUMBER_MOST || number < -NUMBER_MOST ? 0 : number;
}

/* What to add to the times of the save, so that they are those of this boot. */
static int64_t shift_of(const json_t *root, const struct lease_clock *clock)
{
	const char *boot_id = json_string_value(json_object_get(root, "boot_id"));
	int64_t saved_ms = number_of(root, "saved_ms");
	int64_t passed_ms = clock->wall_ms - number_of(root, "saved_wall_ms");

	if (boot_id && !strcmp(boot_id, clock->boot_id))
		return 0;
	return clock->now_ms - saved_ms - MAX(passed_ms, 0);
}

static void read_flaps(const json_t *flaps, struct book *book)
{
	for (size_t i = 0; i < ALERT_KINDS_N; i++)
		book->flap_told_ms[i] = number_of(flaps, alert_rules[i].name);
}

int book_parse(const char *text, const struct lease_clock *clock, struct book **out, char *why, size_t n)
{
	_cleanup_(book_free) struct book *book = NULL;
	json_error_t error;
	json_t *root;
	int r = book_new(&book);

	if (r < 0)
		return r;
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root || json_integer_value(json_object_get(root, "schema")) != BOOK_SCHEMA) {
		snprintf(why, n, "%s", root ? "another version wrote it" : error.text);
		r = -EINVAL;
	}
	if (!r)
		r = read_object(book_fields, root, book, why, n);
	if (!r && (book->next_id < 1 || book->next_id > NUMBER_MOST || book->journal_seq > NUMBER_MOST)) {
		snprintf(why, n, "'next_id' or 'journal_seq' makes no sense");
		r = -EINVAL;
	}
	if (!r)
		r = read_alerts(json_object_get(root, "alerts"), book, why, n);
	if (!r) {
		read_flaps(json_object_get(root, "flaps"), book);
		book_rebase(book, shift_of(root, clock));
		*out = TAKE_PTR(book);
	}
	json_decref(root);
	return r;
}
