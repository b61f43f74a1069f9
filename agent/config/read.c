// SPDX-License-Identifier: GPL-2.0-or-later
#include "read.h"

#include <assert.h>

#include "../address.h"

#define WHY_SIZE (FAULT_WORDS_SIZE + 64)

static void store(void *to, size_t width, int64_t value)
{
	switch (width) {
	case 1:
		*(uint8_t *)to = value;
		break;
	case 2:
		*(uint16_t *)to = value;
		break;
	case 4:
		*(uint32_t *)to = value;
		break;
	case 8:
		*(uint64_t *)to = value;
		break;
	default:
		assert(!"a number of no known width");
	}
}

static int refuse(char *why, const char *reason)
{
	snprintf(why, WHY_SIZE, "%s", reason);
	return -EINVAL;
}

static int set_number(const struct schema_key *key, const char *text, void *to, char *why)
{
	char min[VALUE_TEXT_SIZE], max[VALUE_TEXT_SIZE];
	int64_t value = 0;
	const char *reason =
		key->zero_word && !strcmp(text, key->zero_word) ? NULL : value_number(text, key->unit, &value);

	value_format(key->min, key->unit, min);
	value_format(key->max, key->unit, max);
	if (!reason && (value < key->min || value > key->max))
		reason = "is out of range";
	if (reason) {
		snprintf(why, WHY_SIZE, "%s (%s to %s%s%s)", reason, min, max, key->zero_word ? ", or " : "",
			 key->zero_word ? key->zero_word : "");
		return -EINVAL;
	}
	store(to, key->width, value);
	return 0;
}

static int set_choice(const struct schema_key *key, const char *text, void *to, char *why)
{
	const char *names[FAULT_WORDS_SIZE / 16];
	char words[FAULT_WORDS_SIZE];
	size_t n = 0;

	for (const struct schema_choice *choice = key->choices; choice->name; choice++) {
		if (!strcmp(choice->name, text)) {
			store(to, key->width, choice->value);
			return 0;
		}
		if (n < ARRAY_SIZE(names))
			names[n++] = choice->name;
	}
	snprintf(why, WHY_SIZE, "is not possible: %s", fault_words(text, "values", names, n, words));
	return -EINVAL;
}

static int set_string(const struct schema_key *key, const char *text, void *to, char *why)
{
	const char *reason = key->check ? key->check(text) : NULL;
	size_t length = strlen(text);
	char *copy;

	if (reason)
		return refuse(why, reason);
	if (key->type == SCHEMA_NAME) {
		memcpy(to, text, length + 1);
		return 0;
	}
	if (length < (size_t)key->min)
		return refuse(why, "is empty: write a text, or remove the key");
	if (length > (size_t)key->max) {
		snprintf(why, WHY_SIZE, "is too long: write at most %lld characters", (long long)key->max);
		return -EINVAL;
	}
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)to);
	*(char **)to = copy;
	return 0;
}

static int set_addresses(const struct schema_key *key, const char *text, struct muster_addr *to, unsigned *count,
			 char *why)
{
	struct muster_addr addr;
	const char *reason = value_address(text, &addr);

	if (reason)
		return refuse(why, reason);
	for (unsigned i = 0; i < *count; i++)
		if (address_equal(&to[i], &addr))
			return refuse(why, "stands twice: remove one");
	if (*count == key->max) {
		snprintf(why, WHY_SIZE, "is one too many: at most %lld fit", (long long)key->max);
		return -EINVAL;
	}
	to[(*count)++] = addr;
	return 0;
}

/* One scalar into its place. 0; -EINVAL with `why` (WHY_SIZE) to follow the quoted text; -ENOMEM. */
static int set_value(const struct schema_key *key, const char *text, void *base, char *why)
{
	void *to = (char *)base + key->offset, *count = (char *)base + key->count_offset;
	const char *reason;

	switch (key->type) {
	case SCHEMA_NUMBER:
		return set_number(key, text, to, why);
	case SCHEMA_CHOICE:
		return set_choice(key, text, to, why);
	case SCHEMA_STRING:
	case SCHEMA_NAME:
		return set_string(key, text, to, why);
	case SCHEMA_ADDRESS:
		reason = value_address(text, to);
		return reason ? refuse(why, reason) : 0;
	case SCHEMA_ADDRESSES:
		return set_addresses(key, text, to, count, why);
	case SCHEMA_STATUS:
		reason = value_status(text, to, count);
		return reason ? refuse(why, reason) : 0;
	default:
		return refuse(why, "is a text where none can stand");
	}
}

int config_fill(const struct schema_section *section, void *base)
{
	char why[WHY_SIZE];
	int r = 0;

	if (section->inherits)
		return 0;
	for (const struct schema_key *key = section->keys; key->name && !r; key++) {
		/* A section that is there is filled a second time. */
		if (key->type == SCHEMA_STATUS)
			*(unsigned *)((char *)base + key->count_offset) = 0;
		if (key->type == SCHEMA_SECTION)
			r = config_fill(key->section, (char *)base + key->offset);
		else if (key->fallback)
			r = set_value(key, key->fallback, base, why);
		/* A default that its own key refuses is a mistake in the table. */
		assert(r != -EINVAL);
	}
	return r;
}

static const char *kind_words(const struct tree *node)
{
	if (node->kind == TREE_TEXT)
		return node->null ? "nothing" : "a text";
	return node->kind == TREE_LIST ? "a list" : "a mapping";
}

static const char *wanted_words(const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_SECTION:
		return "write a mapping, 'key: value' lines further indented";
	case SCHEMA_LIST:
		return "write a list, lines that begin with '- ', or [] for an empty one";
	case SCHEMA_ADDRESSES:
	case SCHEMA_STATUS:
		return "write one value, or a list of them";
	default:
		return "write one value, or remove the key";
	}
}

static int type_fault(const struct schema_key *key, struct tree *node, struct faults *faults)
{
	char quote[FAULT_QUOTE_SIZE];

	node->bad = true;
	if (node->kind == TREE_TEXT && !node->null)
		fault_add(faults, node->line, node->column, "%s has the wrong type, the text %s: %s", key->name,
			  fault_quote(node->text, quote), wanted_words(key));
	else
		fault_add(faults, node->line, node->column, "%s has the wrong type, %s: %s", key->name,
			  kind_words(node), wanted_words(key));
	return 0;
}

static int read_text(const struct schema_key *key, struct tree *node, void *base, struct faults *faults)
{
	char quote[FAULT_QUOTE_SIZE], why[WHY_SIZE];
	int r;

	if (node->kind != TREE_TEXT || node->null)
		return type_fault(key, node, faults);
	r = set_value(key, node->text, base, why);
	if (r != -EINVAL)
		return r;
	node->bad = true;
	fault_add(faults, node->line, node->column, "%s %s %s", key->name, fault_quote(node->text, quote), why);
	return 0;
}

/* A value or a list of values, into an array in place. */
static int read_texts(const struct schema_key *key, struct tree *node, void *base, struct faults *faults)
{
	int r = 0;

	*(unsigned *)((char *)base + key->count_offset) = 0;
	if (node->kind == TREE_TEXT)
		return read_text(key, node, base, faults);
	if (node->kind != TREE_LIST || (!node->n && key->type == SCHEMA_STATUS))
		return type_fault(key, node, faults);
	for (size_t i = 0; i < node->n && !r; i++) {
		r = read_text(key, &node->children[i], base, faults);
		node->bad |= node->children[i].bad;
	}
	return r;
}

static int read_list(const struct schema_key *key, struct tree *node, void *base, struct faults *faults)
{
	const struct schema_section *section = key->section;
	size_t n = MIN(node->n, (size_t)key->max);
	char *elements;
	int r = 0;

	if (node->kind != TREE_LIST)
		return type_fault(key, node, faults);
	if (node->n > n) {
		struct tree *first = &node->children[n];

		fault_add(faults, first->line, first->column, "%s has %zu entries, at most %zu fit: remove %zu",
			  key->name, node->n, n, node->n - n);
		node->bad = true;
	}
	elements = calloc(n ? n : 1, section->size);
	if (!elements)
		return -ENOMEM;
	*(void **)((char *)base + key->offset) = elements;
	*(size_t *)((char *)base + key->count_offset) = n;
	for (size_t i = 0; i < n && !r; i++)
		r = config_read(section, &node->children[i], elements + i * section->size, faults);
	return r;
}

static int read_key(const struct schema_key *key, struct tree *node, void *base, struct faults *faults)
{
	/* A tag or an alias: reported already. */
	if (node->bad)
		return 0;
	switch (key->type) {
	case SCHEMA_SECTION:
		if (node->kind != TREE_MAPPING)
			return type_fault(key, node, faults);
		return config_read(key->section, node, (char *)base + key->offset, faults);
	case SCHEMA_LIST:
		return read_list(key, node, base, faults);
	case SCHEMA_ADDRESSES:
	case SCHEMA_STATUS:
		return read_texts(key, node, base, faults);
	default:
		return read_text(key, node, base, faults);
	}
}

/* Most keys of one section. */
#define KEYS_MOST 32

/* The key that was most likely meant, NULL: none is near. */
static const struct schema_key *unknown_key(const struct schema_section *section, const struct tree *node,
					    struct faults *faults)
{
	char quote[FAULT_QUOTE_SIZE], words[FAULT_WORDS_SIZE];
	const char *names[KEYS_MOST];
	size_t n = 0;
	int nearest;

	for (const struct schema_key *key = section->keys; key->name && n < KEYS_MOST; key++)
		names[n++] = key->name;
	fault_add(faults, node->key_line, node->key_column, "unknown key %s in %s: %s", fault_quote(node->key, quote),
		  section->name, fault_words(node->key, "keys", names, n, words));
	nearest = fault_nearest(node->key, names, n);
	return nearest < 0 ? NULL : &section->keys[nearest];
}

static int read_mapping(const struct schema_section *section, struct tree *node, void *base, struct faults *faults)
{
	unsigned first_line[KEYS_MOST] = {};
	bool misspelt[KEYS_MOST] = {};
	int r = 0;

	for (size_t i = 0; i < node->n && !r; i++) {
		struct tree *child = &node->children[i];
		const struct schema_key *key = schema_find(section, child->key);
		const struct schema_key *meant = key ? NULL : unknown_key(section, child, faults);

		if (meant)
			misspelt[meant - section->keys] = true;
		if (!key)
			continue;
		if (first_line[key - section->keys]) {
			fault_add(faults, child->key_line, child->key_column,
				  "key '%s' stands twice in %s, first on line %u: keep one", key->name, section->name,
				  first_line[key - section->keys]);
			continue;
		}
		first_line[key - section->keys] = child->key_line;
		r = read_key(key, child, base, faults);
	}
	/* A required key that is there, but misspelt, is one fault and not two. */
	for (const struct schema_key *key = section->keys; key->name; key++)
		if (key->required && !first_line[key - section->keys] && !misspelt[key - section->keys])
			fault_add(faults, node->line, node->column, "%s has no '%s': add it (%s)", section->name,
				  key->name, key->help);
	return r;
}

int config_read(const struct schema_section *section, struct tree *node, void *base, struct faults *faults)
{
	int r = config_fill(section, base);

	if (r < 0 || node->bad)
		return r;
	if (node->kind == TREE_TEXT && !node->null && section->short_key) {
		r = read_text(schema_find(section, section->short_key), node, base, faults);
	} else if (node->kind == TREE_MAPPING) {
		r = read_mapping(section, node, base, faults);
	} else {
		node->bad = true;
		fault_add(faults, node->line, node->column,
			  "%s has the wrong type, %s: write a mapping, 'key: value' lines", section->name,
			  kind_words(node));
	}
	return r;
}
