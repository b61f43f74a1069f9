// SPDX-License-Identifier: GPL-2.0-or-later
#include "human.h"

#include <time.h>

static const char units[] = "BKMGTPE";

static size_t scale(double *value)
{
	size_t unit = 0;

	/* 1023.96 would print as 1024.0 of the smaller unit */
	while (*value >= 1023.95 && unit < sizeof(units) - 2) {
		*value /= 1024;
		unit++;
	}
	return unit;
}

const char *human_bytes(double bytes, char *buf)
{
	size_t unit = scale(&bytes);

	if (unit == 0)
		snprintf(buf, HUMAN_SIZE, "%.0f B", bytes);
	else
		snprintf(buf, HUMAN_SIZE, "%.1f %ciB", bytes, units[unit]);
	return buf;
}

const char *human_short_bytes(double bytes, char *buf)
{
	size_t unit = scale(&bytes);

	if (unit == 0)
		snprintf(buf, HUMAN_SIZE, "%.0f", bytes);
	else
		snprintf(buf, HUMAN_SIZE, bytes < 99.95 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
	return buf;
}

const char *human_rate(double per_s, char *buf)
{
	snprintf(buf, HUMAN_SIZE, per_s > 0 && per_s < 99.95 ? "%.1f" : "%.0f", per_s);
	return buf;
}

const char *human_age(int64_t ms, char *buf)
{
	long s = (long)(MAX(ms, 0) / 1000);

	if (s < 60)
		snprintf(buf, HUMAN_SIZE, "%lds", s);
	else if (s < 3600)
		snprintf(buf, HUMAN_SIZE, "%ldm", s / 60);
	else if (s < 86400)
		snprintf(buf, HUMAN_SIZE, "%ldh %ldm", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, HUMAN_SIZE, "%ldd %ldh", s / 86400, s % 86400 / 3600);
	return buf;
}

const char *human_left(int64_t ms, char *buf)
{
	return human_age(ms < 90000 ? ms : ms + 30000, buf);
}

const char *human_number(double value, char *buf)
{
	snprintf(buf, HUMAN_SIZE, "%.2f", value);
	for (char *end = buf + strlen(buf); end > buf && (end[-1] == '0' || end[-1] == '.'); *end = 0)
		if (*--end == '.') {
			*end = 0;
			break;
		}
	return buf;
}

const char *human_time(int64_t wall_ms, int64_t now_ms, char *buf)
{
	time_t then = (time_t)(wall_ms / 1000), now = (time_t)(now_ms / 1000);
	struct tm a, b;

	localtime_r(&then, &a);
	localtime_r(&now, &b);
	strftime(buf, HUMAN_SIZE, a.tm_year == b.tm_year && a.tm_yday == b.tm_yday ? "%T" : "%F %R", &a);
	return buf;
}

size_t human_control(const char *text, size_t length)
{
	unsigned char c = length ? (unsigned char)text[0] : ' ';

	/* C1 controls are U+0080 to U+009F, 0xc2 and one more byte in UTF-8 */
	if (c == 0xc2 && length > 1 && (unsigned char)text[1] < 0xa0)
		return 2;
	return c < ' ' || c == 0x7f;
}

void human_print(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t control = text[i] == '\n' ? 0 : human_control(text + i, length - i);

		fputc(control ? '?' : text[i], out);
		i += control ? control - 1 : 0;
	}
}

/* The length of the word at `text`; a figure and its unit ("1.2 GiB", "40 %") are one. */
static size_t word_length(const char *text)
{
	size_t length = strcspn(text, " \n");

	while (length && text[length] == ' ' && text[length - 1] >= '0' && text[length - 1] <= '9' &&
	       text[length + 1] && strchr("BKMGTP%", text[length + 1]))
		length += 1 + strcspn(text + length + 1, " \n");
	return length;
}

void human_wrap(FILE *out, size_t width, size_t at, size_t indent, const char *text)
{
	bool first = true;

	while (*text) {
		size_t length = word_length(text);

		if (!first && width && at + 1 + length > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		if (!first && length)
			at += (size_t)fprintf(out, " ");
		human_print(out, text, length);
		at += length;
		first = first && length == 0;
		text += length;
		while (*text == ' ' || *text == '\n')
			text++;
	}
	fprintf(out, "\n");
}
