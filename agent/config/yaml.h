/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML document as a tree with positions. Less than YAML on purpose: no anchors, aliases or tags, keys are plain
 * text, one document, and limits on size, depth and nodes, so that no file can take the agent's memory or time.
 */
#ifndef MUSTER_CONFIG_YAML_H
#define MUSTER_CONFIG_YAML_H

#include "fault.h"

#define YAML_MOST_BYTES (1024 * 1024)
#define YAML_MOST_NODES 200000
#define YAML_MOST_DEPTH 16

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAPPING };

struct tree {
	enum tree_kind kind;
	unsigned line, column; /* of the value, from 1 */
	char *key;             /* in a mapping */
	unsigned key_line, key_column;
	char *text;            /* TREE_TEXT, no NUL inside */
	bool null;             /* TREE_TEXT: nothing, ~ or null, not quoted */
	bool bad;              /* a fault of it was reported: no further check looks at it */
	struct tree *children; /* of a list or mapping */
	size_t n;
};

/*
 * Text to tree. Faults go to `faults`; a syntax error is the only one then. Returns 0, -EINVAL when there can be no
 * tree, or -ENOMEM. An empty document is an empty mapping.
 */
int tree_parse(const char *text, size_t length, struct faults *faults, struct tree **out);
void tree_free(struct tree **tree);

/* The first value under `key`; NULL when there is none, or `mapping` is NULL or no mapping. */
struct tree *tree_get(const struct tree *mapping, const char *key);
/* Whether what stands under `key` may be relied on: it is absent, or has no fault. */
bool tree_sound(const struct tree *mapping, const char *key);
/* Both: it is there, and has no fault. */
bool tree_given(const struct tree *mapping, const char *key);

#endif
