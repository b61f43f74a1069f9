/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables by libsmartcols that fit the width: the least important columns go first, then the last one is cut. */
#ifndef MUSTER_CLI_TABLE_H
#define MUSTER_CLI_TABLE_H

#include <stdio.h>

#include "../base.h"

struct libscols_line;
struct table;

struct table_column {
	const char *title;
	bool right;    /* figures */
	unsigned drop; /* 1 is dropped first, then 2 ...; 0: stays */
};

/* `columns` end with a NULL title and must outlive the table. */
int table_new(struct table **out, const struct table_column *columns);
void table_free(struct table **table);

/* Starts a row; cells are then set by column. Text is copied, unprintable bytes become '?'. */
void table_row(struct table *table);
void table_set(struct table *table, size_t column, const char *format, ...) _printf_(3, 4);
void table_color(struct table *table, size_t column, const char *sequence);

/* width 0: as wide as it gets. */
void table_print(struct table *table, FILE *out, size_t width, bool color);

#endif
