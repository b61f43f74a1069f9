// SPDX-License-Identifier: GPL-2.0-or-later
#include "kept.h"

#include <jansson.h>
#include <stdio.h>

#include "../fnv.h"

#define SCHEMA 1

static void config_clear(struct kept_config *config)
{
	free(config->file);
	free(config->owner);
	free(config->text);
	*config = (struct kept_config){0};
}

void kept_free(struct kept **kept)
{
	for (size_t i = 0; *kept && i < (*kept)->n; i++)
		config_clear(&(*kept)->config[i]);
	freep(kept);
}

int kept_new(struct kept **out)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->next_id = 1;
	*out = kept;
	return 0;
}

/* Appends; strings are copied. */
static int append(struct kept *kept, const struct kept_config *from)
{
	struct kept_config config = {.id = from->id,
				     .before = from->before,
				     .wall_ms = from->wall_ms,
				     .file = strdup(from->file),
				     .owner = strdup(from->owner),
				     .text = strdup(from->text)};

	if (!config.file || !config.owner || !config.text) {
		config_clear(&config);
		return -ENOMEM;
	}
	kept->config[kept->n++] = config;
	return 0;
}

int kept_copy(const struct kept *kept, struct kept **out)
{
	_cleanup_(kept_free) struct kept *copy = calloc(1, sizeof(*copy));
	int error = copy ? 0 : -ENOMEM;

	if (error)
		return error;
	*copy = *kept;
	copy->n = 0;
	for (size_t i = 0; i < kept->n && !error; i++)
		error = append(copy, &kept->config[i]);
	if (!error)
		*out = TAKE_PTR(copy);
	return error;
}

/* Makes room: the oldest goes, but never the one in force, which is what the next one goes back to. */
static void drop_oldest(struct kept *kept)
{
	size_t at = kept->config[0].id == kept->current ? 1 : 0;

	config_clear(&kept->config[at]);
	kept->n--;
	memmove(&kept->config[at], &kept->config[at + 1], (kept->n - at) * sizeof(kept->config[0]));
}

int kept_push(struct kept *kept, const char *file, const char *text, const char *owner, int64_t wall_ms)
{
	const struct kept_config config = {.id = kept->next_id,
					   .before = kept->current,
					   .wall_ms = wall_ms,
					   .file = (char *)file,
					   .owner = (char *)owner,
					   .text = (char *)text};
	int error;

	if (kept->n == KEPT_CONFIGS)
		drop_oldest(kept);
	error = append(kept, &config);
	if (error)
		return error;
	kept->current = kept->next_id++;
	kept->back_to = 0;
	return 0;
}

const struct kept_config *kept_find(const struct kept *kept, uint64_t id)
{
	for (size_t i = 0; i < kept->n; i++)
		if (kept->config[i].id == id)
			return &kept->config[i];
	return NULL;
}

const struct kept_config *kept_current(const struct kept *kept)
{
	return kept_find(kept, kept->current);
}

const struct kept_config *kept_previous(const struct kept *kept)
{
	const struct kept_config *current = kept_current(kept);

	if (kept->back_to)
		return kept_find(kept, kept->back_to);
	return current ? kept_find(kept, current->before) : NULL;
}

void kept_go_back(struct kept *kept, uint64_t id)
{
	kept->current = id;
	kept->back_to = 0;
}

uint64_t kept_print(const char *text)
{
	return fnv(FNV_START, text, strlen(text));
}

char *kept_format(const struct kept *kept)
{
	json_t *configs = json_array(), *root;
	char print[32], *text;

	snprintf(print, sizeof(print), "%016llx", (unsigned long long)kept->file_print);
	for (size_t i = 0; i < kept->n; i++) {
		const struct kept_config *c = &kept->config[i];

		json_array_append_new(configs,
				      json_pack("{s:I, s:I, s:I, s:s, s:s, s:s}", "id", (json_int_t)c->id, "before",
						(json_int_t)c->before, "wall_ms", (json_int_t)c->wall_ms, "file",
						c->file, "owner", c->owner, "text", c->text));
	}
	root = json_pack("{s:i, s:I, s:I, s:s, s:I, s:I, s:s, s:I, s:o}", "schema", SCHEMA, "next_id",
			 (json_int_t)kept->next_id, "current", (json_int_t)kept->current, "file_print", print,
			 "back_to", (json_int_t)kept->back_to, "wall_end_ms", (json_int_t)kept->end.wall_end_ms,
			 "boot_id", kept->end.boot_id, "boot_end_ms", (json_int_t)kept->end.boot_end_ms, "configs",
			 configs);
	text = root && json_array_size(configs) == kept->n ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	return text;
}

static int read_config(struct kept *kept, const json_t *object)
{
	struct kept_config config = {.id = (uint64_t)json_integer_value(json_object_get(object, "id")),
				     .before = (uint64_t)json_integer_value(json_object_get(object, "before")),
				     .wall_ms = json_integer_value(json_object_get(object, "wall_ms")),
				     .file = (char *)json_string_value(json_object_get(object, "file")),
				     .owner = (char *)json_string_value(json_object_get(object, "owner")),
				     .text = (char *)json_string_value(json_object_get(object, "text"))};

	if (!config.id || config.id >= kept->next_id || kept_find(kept, config.id) || kept->n == KEPT_CONFIGS ||
	    !config.file || !config.owner || !config.text)
		return -EINVAL;
	return append(kept, &config);
}

static int read_kept(struct kept *kept, const json_t *root)
{
	const char *print = json_string_value(json_object_get(root, "file_print"));
	const char *boot_id = json_string_value(json_object_get(root, "boot_id"));
	const json_t *config;
	int error = 0;
	size_t i;

	if (json_integer_value(json_object_get(root, "schema")) != SCHEMA || !print || !boot_id)
		return -EINVAL;
	kept->next_id = (uint64_t)json_integer_value(json_object_get(root, "next_id"));
	kept->current = (uint64_t)json_integer_value(json_object_get(root, "current"));
	kept->back_to = (uint64_t)json_integer_value(json_object_get(root, "back_to"));
	kept->file_print = strtoull(print, NULL, 16);
	kept->end.wall_end_ms = json_integer_value(json_object_get(root, "wall_end_ms"));
	kept->end.boot_end_ms = json_integer_value(json_object_get(root, "boot_end_ms"));
	snprintf(kept->end.boot_id, sizeof(kept->end.boot_id), "%s", boot_id);
	json_array_foreach(json_object_get(root, "configs"), i, config) error =
		error ? error : read_config(kept, config);
	if (!error && ((kept->current && !kept_current(kept)) || (kept->back_to && !kept_find(kept, kept->back_to))))
		error = -EINVAL;
	return error;
}

int kept_parse(const char *text, struct kept **out)
{
	_cleanup_(kept_free) struct kept *kept = NULL;
	int error = kept_new(&kept);
	json_t *root;

	if (error)
		return error;
	if (text) {
		root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		error = read_kept(kept, root);
		json_decref(root);
	}
	if (!error)
		*out = TAKE_PTR(kept);
	return error;
}
