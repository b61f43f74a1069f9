// SPDX-License-Identifier: GPL-2.0-or-later
#include "yaml.h"

#include <yaml.h>

struct builder {
	yaml_parser_t parser;
	const char *input;
	struct faults *faults;
	size_t nodes;
};

static int read_value(struct builder *builder, yaml_event_t *event, struct tree *node, unsigned depth);

static void tree_clear(struct tree *node)
{
	for (size_t i = 0; i < node->n; i++)
		tree_clear(&node->children[i]);
	free(node->children);
	free(node->key);
	free(node->text);
}

void tree_free(struct tree **tree)
{
	if (*tree)
		tree_clear(*tree);
	free(*tree);
	*tree = NULL;
}

/* The reader's errors carry a byte offset, and no line. */
static int reader_fault(struct builder *builder)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < builder->parser.problem_offset; i++) {
		column = builder->input[i] == '\n' ? 1 : column + 1;
		line += builder->input[i] == '\n';
	}
	fault_add(builder->faults, line, column,
		  "not readable as UTF-8 text: %s: save the file as plain UTF-8; nothing else was checked",
		  builder->parser.problem);
	return -EINVAL;
}

static int syntax_fault(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	yaml_mark_t at = parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* What was found on the way may be a consequence of the same mistake. */
	faults_clear(builder->faults);
	if (parser->error == YAML_READER_ERROR)
		return reader_fault(builder);
	fault_add(builder->faults, at.line + 1, at.column + 1,
		  "YAML syntax: %s%s%s: correct indentation, quotes or brackets here; nothing else was checked",
		  parser->problem ? parser->problem : "unreadable", parser->context ? " " : "",
		  parser->context ? parser->context : "");
	return -EINVAL;
}

static int next_event(struct builder *builder, yaml_event_t *event)
{
	return yaml_parser_parse(&builder->parser, event) ? 0 : syntax_fault(builder);
}

static int limit_fault(struct builder *builder, const yaml_event_t *event, const char *what, unsigned limit)
{
	fault_add(builder->faults, event->start_mark.line + 1, event->start_mark.column + 1,
		  "%s, at most %u: make the file simpler; nothing after this was checked", what, limit);
	return -EINVAL;
}

/* Anchors, aliases and tags are refused: they make a small file large, and a value something else than it reads. */
static void refuse_extras(struct builder *builder, const char *anchor, const char *tag, struct tree *node)
{
	char quote[FAULT_QUOTE_SIZE];

	if (anchor)
		fault_add(builder->faults, node->line, node->column,
			  "anchor %s: anchors and aliases are not supported: write the value out",
			  fault_quote(anchor, quote));
	if (tag)
		fault_add(builder->faults, node->line, node->column,
			  "tag %s: tags are not supported: remove it, the key decides the type",
			  fault_quote(tag, quote));
	if (anchor || tag)
		node->bad = true;
}

static int read_text(struct builder *builder, const yaml_event_t *event, struct tree *node)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	node->kind = TREE_TEXT;
	refuse_extras(builder, (const char *)event->data.scalar.anchor, (const char *)event->data.scalar.tag, node);
	if (memchr(value, '\0', length)) {
		fault_add(builder->faults, node->line, node->column,
			  "a NUL character inside a text: remove the \\0 escape");
		node->bad = true;
	}
	node->null = plain && (!length || !strcmp(value, "~") || !strcmp(value, "null"));
	node->text = strdup(value);
	return node->text ? 0 : -ENOMEM;
}

static struct tree *child_new(struct tree *node, size_t *room)
{
	if (node->n == *room) {
		size_t more = *room ? 2 * *room : 8;
		struct tree *children = reallocarray(node->children, more, sizeof(*children));

		if (!children)
			return NULL;
		node->children = children;
		*room = more;
	}
	node->children[node->n] = (struct tree){};
	return &node->children[node->n++];
}

/* The key of the next pair; `event` is its first event. */
static int read_key(struct builder *builder, const yaml_event_t *event, struct tree *child)
{
	child->key_line = event->start_mark.line + 1;
	child->key_column = event->start_mark.column + 1;
	if (event->type != YAML_SCALAR_EVENT) {
		fault_add(builder->faults, child->key_line, child->key_column,
			  "a key that is no plain text: write 'key: value'; nothing after this was checked");
		return -EINVAL;
	}
	child->key = strdup((const char *)event->data.scalar.value);
	if (!child->key)
		return -ENOMEM;
	if (strlen(child->key) != event->data.scalar.length) {
		fault_add(builder->faults, child->key_line, child->key_column,
			  "a NUL character inside a key: remove the \\0 escape; nothing after this was checked");
		return -EINVAL;
	}
	return 0;
}

static int read_children(struct builder *builder, struct tree *node, yaml_event_type_t end, unsigned depth)
{
	size_t room = 0;

	for (;;) {
		struct tree *child;
		yaml_event_t event;
		int r = next_event(builder, &event);

		if (r < 0)
			return r;
		if (event.type == end) {
			yaml_event_delete(&event);
			return 0;
		}
		child = child_new(node, &room);
		r = child ? 0 : -ENOMEM;
		if (!r && node->kind == TREE_MAPPING) {
			r = read_key(builder, &event, child);
			yaml_event_delete(&event);
			r = r < 0 ? r : next_event(builder, &event);
			if (r < 0)
				return r;
		}
		if (!r)
			r = read_value(builder, &event, child, depth);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
}

/* The value that begins with `event`. A parser's event must be consumed whole, so a limit ends the reading. */
static int read_value(struct builder *builder, yaml_event_t *event, struct tree *node, unsigned depth)
{
	char quote[FAULT_QUOTE_SIZE];

	node->line = event->start_mark.line + 1;
	node->column = event->start_mark.column + 1;
	if (++builder->nodes > YAML_MOST_NODES)
		return limit_fault(builder, event, "too many values", YAML_MOST_NODES);
	if (depth >= YAML_MOST_DEPTH)
		return limit_fault(builder, event, "levels nested too deep", YAML_MOST_DEPTH);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_text(builder, event, node);
	case YAML_SEQUENCE_START_EVENT:
		node->kind = TREE_LIST;
		refuse_extras(builder, (const char *)event->data.sequence_start.anchor,
			      (const char *)event->data.sequence_start.tag, node);
		return read_children(builder, node, YAML_SEQUENCE_END_EVENT, depth + 1);
	case YAML_MAPPING_START_EVENT:
		node->kind = TREE_MAPPING;
		refuse_extras(builder, (const char *)event->data.mapping_start.anchor,
			      (const char *)event->data.mapping_start.tag, node);
		return read_children(builder, node, YAML_MAPPING_END_EVENT, depth + 1);
	case YAML_ALIAS_EVENT:
		fault_add(builder->faults, node->line, node->column,
			  "alias %s: anchors and aliases are not supported: write the value out",
			  fault_quote((const char *)event->data.alias.anchor, quote));
		node->bad = true;
		node->text = strdup("");
		return node->text ? 0 : -ENOMEM;
	default:
		return limit_fault(builder, event, "unexpected YAML", 0);
	}
}

/* stream start, document start, value, document end, stream end. */
static int read_stream(struct builder *builder, struct tree *root)
{
	bool documents = false;

	root->line = root->column = 1;
	root->kind = TREE_MAPPING;
	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		int r = next_event(builder, &event);

		if (r < 0)
			return r;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && documents) {
			fault_add(builder->faults, event.start_mark.line + 1, event.start_mark.column + 1,
				  "a second YAML document: a configuration is one document, remove the '---'");
			r = -EINVAL;
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			documents = true;
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT &&
			   type != YAML_STREAM_END_EVENT) {
			r = read_value(builder, &event, root, 0);
		}
		yaml_event_delete(&event);
		if (r < 0 || type == YAML_STREAM_END_EVENT)
			return r;
	}
}

int tree_parse(const char *text, size_t length, struct faults *faults, struct tree **out)
{
	_cleanup_(tree_free) struct tree *root = calloc(1, sizeof(*root));
	struct builder builder = {.input = text, .faults = faults};
	int r;

	if (!root)
		return -ENOMEM;
	if (length > YAML_MOST_BYTES) {
		fault_add(faults, 1, 1, "the file has more than %d bytes: make it smaller; nothing was checked",
			  YAML_MOST_BYTES);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&builder.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
	r = read_stream(&builder, root);
	yaml_parser_delete(&builder.parser);
	if (r < 0)
		return r;
	if (root->kind == TREE_TEXT && root->null) {
		root->kind = TREE_MAPPING;
		root->line = root->column = 1;
	}
	*out = TAKE_PTR(root);
	return 0;
}

struct tree *tree_get(const struct tree *mapping, const char *key)
{
	if (!mapping || mapping->kind != TREE_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++)
		if (mapping->children[i].key && !strcmp(mapping->children[i].key, key))
			return &mapping->children[i];
	return NULL;
}

bool tree_sound(const struct tree *mapping, const char *key)
{
	const struct tree *node = tree_get(mapping, key);

	return !(mapping && mapping->bad) && !(node && node->bad);
}

bool tree_given(const struct tree *mapping, const char *key)
{
	return tree_get(mapping, key) && tree_sound(mapping, key);
}
