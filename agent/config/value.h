/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a configuration file as values: durations, sizes, percents, names, status ranges. Pure. Each parser
 * returns NULL, or the reason against the text, made to follow the quoted text: "'5' has no unit: add ...".
 */
#ifndef MUSTER_CONFIG_VALUE_H
#define MUSTER_CONFIG_VALUE_H

#include "../config.h"

/* What a number counts, in the file and in memory. */
enum value_unit {
	VALUE_COUNT,   /* digits alone */
	VALUE_MS,      /* a duration, kept as milliseconds */
	VALUE_S,       /* a duration, kept as seconds */
	VALUE_BYTES,   /* a size, kept as bytes */
	VALUE_PERCENT, /* kept as percent */
	VALUE_BINARY,  /* a count, whose K and M are 1,024 and 1,048,576 */
};
#define VALUE_TEXT_SIZE 32

const char *value_number(const char *text, enum value_unit unit, int64_t *out);
/* As value_number() reads it: "2h4m", "16MiB", "25%", "256K"; buf has VALUE_TEXT_SIZE bytes; returns buf. */
const char *value_format(int64_t value, enum value_unit unit, char *buf);

const char *value_address(const char *text, struct muster_addr *out);
/* Appends "200-299,301" to the n ranges in `out`. */
const char *value_status(const char *text, struct status_range *out, unsigned *n);

/* Reasons against a text of a certain form; NULL: it has that form. */
const char *value_name_fault(const char *text);
const char *value_interface_fault(const char *text);
const char *value_path_fault(const char *text);
const char *value_url_path_fault(const char *text);
const char *value_host_fault(const char *text);
const char *value_method_fault(const char *text);
const char *value_url_fault(const char *text);
const char *value_mail_fault(const char *text);

#endif
