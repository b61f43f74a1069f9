// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>

#define LAST_LEAST 19 /* room left for the last column before others are dropped for it */

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	const struct table_column *columns;
	size_t n_columns;
	size_t *widest; /* text in each column, title included */
};

int table_new(struct table **out, const struct table_column *columns)
{
	_cleanup_(table_free) struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->columns = columns;
	while (columns[table->n_columns].title)
		table->n_columns++;
	table->widest = calloc(table->n_columns, sizeof(*table->widest));
	table->scols = scols_new_table();
	if (!table->scols || !table->widest)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++) {
		int flags = columns[i].right ? SCOLS_FL_RIGHT : i + 1 == table->n_columns ? SCOLS_FL_TRUNC : 0;

		if (!scols_table_new_column(table->scols, columns[i].title, 0, flags))
			return -ENOMEM;
		table->widest[i] = strlen(columns[i].title);
	}
	*out = TAKE_PTR(table);
	return 0;
}

void table_free(struct table **table)
{
	if (!*table)
		return;
	scols_unref_table((*table)->scols);
	free((*table)->widest);
	freep(table);
}

void table_row(struct table *table)
{
	table->line = scols_table_new_line(table->scols, NULL);
}

void table_set(struct table *table, size_t column, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (table->line)
		scols_line_set_data(table->line, column, text);
	table->widest[column] = MAX(table->widest[column], strlen(text));
}

void table_color(struct table *table, size_t column, const char *sequence)
{
	struct libscols_cell *cell = table->line ? scols_line_get_cell(table->line, column) : NULL;

	if (cell && sequence)
		scols_cell_set_color(cell, sequence);
}

/* Hides columns in their order until the rest fits, with some room left for the last one, which is cut. */
static void fit(struct table *table, size_t width)
{
	size_t last = table->n_columns - 1, shown = 0, least = MIN(table->widest[last], (size_t)LAST_LEAST);

	for (size_t i = 0; i < last; i++)
		shown += table->widest[i] + 1;
	for (unsigned drop = 1; shown + least > width && drop <= table->n_columns; drop++) {
		for (size_t i = 0; i < last; i++) {
			struct libscols_column *column = scols_table_get_column(table->scols, i);

			if (table->columns[i].drop != drop)
				continue;
			scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
			shown -= table->widest[i] + 1;
		}
	}
}

void table_print(struct table *table, FILE *out, size_t width, bool color)
{
	_cleanup_(freep) char *text = NULL;

	if (width) {
		fit(table, width);
		scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_ALWAYS);
		scols_table_set_termwidth(table->scols, width);
	} else {
		scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	}
	scols_table_enable_colors(table->scols, color);
	if (scols_print_table_to_string(table->scols, &text) < 0 || !text)
		return;
	/* smartcols pads the last column; what is pasted elsewhere should not carry blanks at line ends */
	for (char *line = text; *line;) {
		size_t length = strcspn(line, "\n"), end = length;

		while (end > 0 && line[end - 1] == ' ')
			end--;
		fprintf(out, "%.*s\n", (int)end, line);
		line += length + (line[length] == '\n');
	}
}
