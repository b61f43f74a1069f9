/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from foreign programs, made fit for JSON and for a terminal. */
#ifndef MUSTER_UTF8_H
#define MUSTER_UTF8_H

#include "../base.h"

/*
 * Copies `text` (NULL: empty) as valid UTF-8: a byte that is none, and a control character, becomes U+FFFD; a tab or line
 * end a space. Cut between characters to fit `size`.
 */
void utf8_clean(const char *text, char *out, size_t size);

#endif
