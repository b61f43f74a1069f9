/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file's grammar as one table: every key with its type, unit, range, default and a line of help. The
 * parser, the messages about unknown keys and the manual page are all driven by it; a new key is one new line.
 */
#ifndef MUSTER_CONFIG_SCHEMA_H
#define MUSTER_CONFIG_SCHEMA_H

#include "value.h"

enum schema_type {
	SCHEMA_NUMBER, /* an unsigned integer of `width` bytes */
	SCHEMA_CHOICE, /* one of `choices`; an enum or bool of `width` bytes */
	SCHEMA_STRING, /* char *; `check` knows its form */
	SCHEMA_NAME,   /* char[width], NUL included; `check` knows its form */
	SCHEMA_ADDRESS,
	SCHEMA_ADDRESSES, /* an array in place, at most `max`, and its count */
	SCHEMA_STATUS,    /* an array in place of struct status_range, and its count */
	SCHEMA_SECTION,   /* a mapping, in place */
	SCHEMA_LIST,      /* a list of mappings: an allocated array, at most `max`, and its count */
};

struct schema_choice {
	const char *name;
	int value;
	const char *help; /* what it means and when to choose it; NULL: the key's help says all */
};

struct schema_section;

struct schema_key {
	const char *name;
	enum schema_type type;
	bool required;
	size_t offset, width; /* of the destination in its section's struct; 0 wide: the section's own struct */
	size_t count_offset;  /* SCHEMA_LIST: a size_t; SCHEMA_ADDRESSES, SCHEMA_STATUS: an unsigned */
	enum value_unit unit;
	int64_t min, max;          /* of a number; of a text's length; max of a list's */
	const char *zero_word;     /* a word that stands for the number 0 */
	const char *fallback;      /* default, as it would stand in the file; NULL: zero */
	const char *fallback_text; /* default in words, where it depends on something else */
	const char *(*check)(const char *text);
	const struct schema_choice *choices; /* ends with a NULL name */
	const struct schema_section *section;
	const char *help;
};

/* Where a value goes: the field, and for arrays and lists the count beside it. */
#define SCHEMA_AT(type, field)      .offset = offsetof(type, field), .width = sizeof(((type *)0)->field)
#define SCHEMA_COUNTED(type, field) .count_offset = offsetof(type, field)

#define SCHEMA_PATH_MOST 1024

struct schema_section {
	const char *name; /* in messages: "unknown key 'x' in NAME" */
	size_t size;      /* of the struct of one element, for SCHEMA_LIST */
	/* An element that is a plain text stands for a mapping with this key alone; NULL: it is a fault. */
	const char *short_key;
	/* Defaults are not filled in: what is not given comes from elsewhere. */
	bool inherits;
	const struct schema_key *keys; /* ends with a NULL name */
	const char *help;
};

/* The whole file: fields of struct config. */
extern const struct schema_section schema_file;
extern const struct schema_section schema_service;
extern const struct schema_section schema_server;
extern const struct schema_section schema_receiver, schema_alerts; /* schema_alerts.c */
/* Of a service; a server's has the same keys. */
extern const struct schema_section schema_memory;

const struct schema_key *schema_find(const struct schema_section *section, const char *name);

/* Frees the strings and lists of a section's struct, not the struct itself. */
void schema_clear(const struct schema_section *section, void *base);
/* Copies the value of one key (a number, choice or string) from one struct of a section to another. 0 or -ENOMEM. */
int schema_copy(const struct schema_key *key, void *to, const void *from);

#endif
