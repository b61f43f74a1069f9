// SPDX-License-Identifier: GPL-2.0-or-later
#include "utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes the UTF-8 character at `s` has; 0: none starts there. (RFC 3629, table of section 4) */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

static bool is_control(const unsigned char *s, size_t length)
{
	return (length == 1 && (s[0] < 0x20 || s[0] == 0x7f)) || (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

void utf8_clean(const char *text, char *out, size_t size)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");
	size_t at = 0;

	while (*s) {
		size_t length = utf8_length(s);
		const char *put = (const char *)s;
		size_t put_length = length;

		if (*s == '\t' || *s == '\n' || *s == '\r') {
			put = " ";
		} else if (length == 0 || is_control(s, length)) {
			put = REPLACEMENT;
			put_length = sizeof(REPLACEMENT) - 1;
		}
		if (at + put_length >= size)
			break;
		memcpy(out + at, put, put_length);
		at += put_length;
		s += MAX(length, 1);
	}
	out[at] = '\0';
}
