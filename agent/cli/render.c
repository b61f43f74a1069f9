// SPDX-License-Identifier: GPL-2.0-or-later
#include "render.h"

#include "human.h"
#include "table.h"

const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

double json_figure(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool json_known(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return value && !json_is_null(value);
}

const char *state_color(const struct look *look, const char *state)
{
	static const struct {
		const char *state, *sequence;
	} colors[] = {
		{"up", "\033[32m"},        {"serving", "\033[32m"},     {"draining", "\033[33m"},
		{"drained", "\033[33m"},   {"maintenance", "\033[33m"}, {"slow", "\033[33m"},
		{"unknown", "\033[33m"},   {"suspect", "\033[33m"},     {"down", "\033[31m"},
		{"fail_open", "\033[31m"}, {"empty", "\033[31m"},       {"no_servers", "\033[33m"},
		{"critical", "\033[31m"},  {"warning", "\033[33m"},
	};

	for (size_t i = 0; look->color && i < ARRAY_SIZE(colors); i++)
		if (strcmp(colors[i].state, state) == 0)
			return colors[i].sequence;
	return NULL;
}

void render_state(const struct look *look, const char *state)
{
	const char *color = state_color(look, state);

	fprintf(look->out, "%s%s%s", color ? color : "", state, color ? "\033[0m" : "");
}

const char *render_live(const json_t *object, char buf[static HUMAN_SIZE])
{
	if (json_known(object, "live_flows"))
		snprintf(buf, HUMAN_SIZE, "%.0f", json_figure(object, "live_flows"));
	else
		snprintf(buf, HUMAN_SIZE, "-");
	return buf;
}

const char *render_address(const json_t *object, char *buf, size_t n)
{
	const char *address = json_text(object, "address"), *proto = json_text(object, "protocol");
	bool v6 = strchr(address, ':');
	int port = (int)json_figure(object, "port");
	char port_text[16] = "";

	if (port)
		snprintf(port_text, sizeof(port_text), ":%d", port);
	snprintf(buf, n, "%s%s%s%s%s%s", v6 && port ? "[" : "", address, v6 && port ? "]" : "", port_text,
		 *proto ? "/" : "", proto);
	return buf;
}

void render_attention(const struct look *look, const json_t *sentences)
{
	const json_t *sentence;
	size_t i;

	json_array_foreach(sentences, i, sentence)
	{
		const char *text = json_string_value(sentence);

		fprintf(look->out, "! ");
		human_wrap(look->out, look->width, 2, 2, text ? text : "");
	}
}

void table_set_weight(struct table *table, size_t column, const json_t *weight)
{
	char declared[HUMAN_SIZE], effective[HUMAN_SIZE];

	human_number(json_figure(weight, "declared"), declared);
	human_number(json_figure(weight, "effective"), effective);
	if (strcmp(declared, effective) == 0)
		table_set(table, column, "%s", declared);
	else
		table_set(table, column, "%s>%s", declared, effective);
}

/* The length without line ends behind. */
static size_t trimmed(const char *text)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == '\n')
		length--;
	return length;
}

void render_change(const struct look *look, FILE *errors, const json_t *document)
{
	const char *result = json_text(document, "result"), *message = json_text(document, "message");
	const json_t *change;
	size_t i;

	if (strcmp(result, "done") != 0 && strcmp(result, "unchanged") != 0) {
		if (!*message)
			message = "the agent did not say why; look at musterd's log";
		fprintf(errors, "muster: %s", strcmp(result, "refused") == 0 ? "refused: " : "");
		human_print(errors, message, trimmed(message));
		fprintf(errors, "\n");
		return;
	}
	json_array_foreach(json_object_get(document, "changes"), i, change)
	{
		const char *service = json_text(change, "service"), *name = json_text(change, "server");

		if (!*name)
			name = json_text(change, "interface");
		fprintf(look->out, "%s%s%s: %s -> %s\n", service, *service ? "/" : "", name,
			json_text(change, "before"), json_text(change, "after"));
	}
	if (*message)
		human_wrap(look->out, look->width, 0, 0, message);
	if (*json_text(document, "undo"))
		fprintf(look->out, "undo: %s\n", json_text(document, "undo"));
}
