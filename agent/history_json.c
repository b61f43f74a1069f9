// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Histories as text: JSON, with a row of numbers for each span. Up to 4,096 servers of 84 spans are written each minute on the loop,
 * so the numbers are put there by hand.
 */
#include <jansson.h>

#include "history.h"

#define SCHEMA  2
#define EARLIER 1 /* whose spans have failures of no kind where `all_flows` is now, and nothing else is of use */

struct text {
	char *bytes;
	size_t length, room;
	bool failed;
};

static void put(struct text *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->room) {
		size_t room = MAX(text->room * 2, text->length + length + 4096);
		char *more = text->failed ? NULL : realloc(text->bytes, room);

		text->failed = !more;
		if (!more)
			return;
		text->bytes = more;
		text->room = room;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

static void puts_(struct text *text, const char *string)
{
	put(text, string, strlen(string));
}

static void put_number(struct text *text, int64_t number)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (number < 0)
		*--at = '-';
	put(text, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_row(struct text *text, const int64_t *numbers, size_t n)
{
	puts_(text, "[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			puts_(text, ",");
		put_number(text, numbers[i]);
	}
	puts_(text, "]");
}

static int64_t permille(uint32_t available)
{
	return available == HISTORY_UNKNOWN ? -1 : (int64_t)available;
}

#define SPAN_NUMBERS 9 /* and the counts behind them, where one is not 0 */

static bool counted(const uint32_t counts[HISTORY_COUNTS])
{
	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		if (counts[i])
			return true;
	return false;
}

static void put_spans(struct text *text, const char *key, const struct history_span *spans, size_t n)
{
	bool first = true;

	puts_(text, key);
	for (size_t i = 0; i < n; i++) {
		const struct history_span *s = &spans[i];
		int64_t row[SPAN_NUMBERS + HISTORY_COUNTS] = {s->number,
							      s->flows,
							      s->live,
							      s->proven_flows,
							      s->proven_live,
							      (int64_t)s->all_flows,
							      permille(s->available_permille),
							      s->live_mean,
							      s->used_bytes};

		if (!s->number)
			continue;
		if (!first)
			puts_(text, ",\n");
		for (size_t k = 0; k < HISTORY_COUNTS; k++)
			row[SPAN_NUMBERS + k] = s->counts[k];
		put_row(text, row, SPAN_NUMBERS + (counted(s->counts) ? HISTORY_COUNTS : 0));
		first = false;
	}
	puts_(text, "]");
}

#define NOW_NUMBERS 9

static void put_now(struct text *text, const struct history_now *now)
{
	int64_t row[NOW_NUMBERS + HISTORY_COUNTS] = {now->number,         (int64_t)(now->flows * 1000),
						     now->live,           permille(now->available_permille),
						     now->proves,         now->samples,
						     now->memory_samples, (int64_t)now->live_sum,
						     now->used_sum};

	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		row[NOW_NUMBERS + i] = now->counts[i];
	put_row(text, row, ARRAY_SIZE(row));
}

#define LAST_NUMBERS (2 + HISTORY_COUNTS)

char *histories_format(const struct histories *histories, const char *boot_id)
{
	struct text text = {0};

	puts_(&text, "{\"schema\":2,\"boot_id\":\"");
	puts_(&text, boot_id);
	puts_(&text, "\",\"servers\":[");
	for (size_t i = 0; i < histories->n; i++) {
		const struct history_of *of = histories->of[i];
		const struct history *h = &of->history;
		int64_t last[LAST_NUMBERS] = {h->last_ms, (int64_t)h->last_flows};

		for (size_t k = 0; k < HISTORY_COUNTS; k++)
			last[2 + k] = (int64_t)h->last_counts[k];
		puts_(&text, i ? ",\n{\"service\":\"" : "\n{\"service\":\"");
		puts_(&text, of->service); /* names need no escape: config_name_fault() */
		puts_(&text, "\",\"server\":\"");
		puts_(&text, of->server);
		puts_(&text, "\",\"seen_ms\":");
		put_number(&text, of->seen_ms);
		puts_(&text, ",\"last\":");
		put_row(&text, last, ARRAY_SIZE(last));
		puts_(&text, ",\"now\":");
		put_now(&text, &h->now);
		put_spans(&text, ",\n\"minutes\":[", h->minute, HISTORY_MINUTES);
		put_spans(&text, ",\n\"hours\":[", h->hour, HISTORY_HOURS);
		puts_(&text, "}");
	}
	puts_(&text, "]}");
	if (text.failed)
		free(TAKE_PTR(text.bytes));
	return text.bytes;
}

/* A row of exactly n numbers; false: it is none. */
static bool read_row(const json_t *array, int64_t *out, size_t n)
{
	if (!json_is_array(array) || json_array_size(array) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *number = json_array_get(array, i);

		if (!json_is_integer(number))
			return false;
		out[i] = json_integer_value(number);
	}
	return true;
}

static uint32_t small(int64_t number)
{
	return number < 0 ? HISTORY_UNKNOWN : (uint32_t)MIN(number, (int64_t)UINT32_MAX - 1);
}

static void read_spans(const json_t *rows, bool earlier, struct history_span *ring, size_t n)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		int64_t v[SPAN_NUMBERS + HISTORY_COUNTS] = {0};
		struct history_span *span;

		if ((!read_row(row, v, SPAN_NUMBERS) && !read_row(row, v, ARRAY_SIZE(v))) || v[0] <= 0)
			continue;
		span = &ring[v[0] % (int64_t)n];
		*span = (struct history_span){.number = v[0],
					      .flows = small(v[1]),
					      .live = small(v[2]),
					      .proven_flows = small(v[3]),
					      .proven_live = small(v[4]),
					      .all_flows = (uint64_t)MAX(earlier ? v[1] : v[5], 0),
					      .available_permille = small(v[6]),
					      .live_mean = small(v[7]),
					      .used_bytes = MAX(v[8], 0)};
		for (size_t k = 0; k < HISTORY_COUNTS; k++)
			span->counts[k] = small(MAX(v[SPAN_NUMBERS + k], 0));
	}
}

static void read_history(const json_t *object, bool earlier, struct history *out)
{
	int64_t last[LAST_NUMBERS], now[NOW_NUMBERS + HISTORY_COUNTS];

	if (read_row(json_object_get(object, "last"), last, ARRAY_SIZE(last)) && last[0] > 0) {
		out->last_ms = last[0];
		out->last_flows = (uint64_t)last[1];
		for (size_t i = 0; i < HISTORY_COUNTS; i++)
			out->last_counts[i] = (uint64_t)last[2 + i];
	}
	if (read_row(json_object_get(object, "now"), now, ARRAY_SIZE(now)) && now[0] > 0) {
		out->now = (struct history_now){.number = now[0],
						.flows = (double)MAX(now[1], 0) / 1000,
						.live = small(now[2]),
						.available_permille = small(now[3]),
						.proves = now[4] == 1,
						.samples = small(MAX(now[5], 1)),
						.memory_samples = small(MAX(now[6], 0)),
						.live_sum = (uint64_t)MAX(now[7], 0),
						.used_sum = MAX(now[8], 0)};
		for (size_t i = 0; i < HISTORY_COUNTS; i++)
			out->now.counts[i] = small(MAX(now[NOW_NUMBERS + i], 0));
	}
	read_spans(json_object_get(object, "minutes"), earlier, out->minute, HISTORY_MINUTES);
	read_spans(json_object_get(object, "hours"), earlier, out->hour, HISTORY_HOURS);
}

static int read_server(const json_t *object, bool earlier, bool same_boot, struct histories *histories)
{
	const char *service = json_string_value(json_object_get(object, "service"));
	const char *server = json_string_value(json_object_get(object, "server"));
	struct history_of *of;

	if (!service || !server || strlen(service) >= MUSTER_NAME_SIZE || strlen(server) >= MUSTER_NAME_SIZE)
		return 0;
	if (!histories_get(histories, service, server))
		return -ENOMEM;
	of = histories->of[histories->n - 1];
	of->seen_ms = json_integer_value(json_object_get(object, "seen_ms"));
	read_history(object, earlier, &of->history);
	if (!same_boot)
		history_forget_counters(&of->history);
	return 0;
}

int histories_parse(const char *text, const char *boot_id, struct histories **out)
{
	_cleanup_(histories_free) struct histories *histories = calloc(1, sizeof(*histories));
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	const char *boot = json_string_value(json_object_get(root, "boot_id"));
	const json_t *server;
	const json_int_t schema = json_integer_value(json_object_get(root, "schema"));
	bool damaged = text && schema != SCHEMA && schema != EARLIER;
	int error = histories ? 0 : -ENOMEM;
	size_t i;

	json_array_foreach(damaged ? NULL : json_object_get(root, "servers"), i, server) error =
		error ? error : read_server(server, schema == EARLIER, boot && !strcmp(boot, boot_id), histories);
	json_decref(root);
	if (error)
		return error;
	error = damaged ? -EINVAL : (int)histories->n;
	*out = TAKE_PTR(histories);
	return error;
}
