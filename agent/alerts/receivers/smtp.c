// SPDX-License-Identifier: GPL-2.0-or-later
/* A mail: header and text (RFC 5322), in UTF-8. All mails of one alert are one thread. */
#include <stdio.h>
#include <time.h>

#include "receiver.h"

#define ENCODED_BYTES 45 /* of text in one encoded word (RFC 2047): 60 characters of base64 */

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static void put_base64(FILE *out, const unsigned char *from, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits =
			(uint32_t)from[i] << 16 | (i + 1 < n ? from[i + 1] << 8 : 0) | (i + 2 < n ? from[i + 2] : 0);

		fputc(digits[bits >> 18], out);
		fputc(digits[bits >> 12 & 63], out);
		fputc(i + 1 < n ? digits[bits >> 6 & 63] : '=', out);
		fputc(i + 2 < n ? digits[bits & 63] : '=', out);
	}
}

/* A header's text: as it is, or as encoded words that each end between two characters. */
static void put_header_text(FILE *out, const char *text)
{
	if (is_ascii(text)) {
		fputs(text, out);
		return;
	}
	for (size_t left = strlen(text), take; left; text += take, left -= take) {
		take = MIN(left, (size_t)ENCODED_BYTES);
		while (take < left && ((unsigned char)text[take] & 0xc0) == 0x80)
			take--;
		fputs("=?UTF-8?B?", out);
		put_base64(out, (const unsigned char *)text, take);
		fputs(take < left ? "?=\r\n " : "?=", out);
	}
}

static void put_date(FILE *out, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	fprintf(out, "Date: %s\r\n", text);
}

/* The same id for each page of one raise: who gets it twice, after a kill, keeps one. */
static void put_ids(FILE *out, const struct alert_message *m)
{
	static const char *const news[] = {[NEWS_PAGE] = "page", [NEWS_END] = "end", [NEWS_TEST] = "test"};
	char host[sizeof(m->host)];

	snprintf(host, sizeof(host), "%s", *m->host && is_ascii(m->host) ? m->host : "muster.invalid");
	fprintf(out, "Message-ID: <muster.%llu.%s.%lld@%s>\r\n", (unsigned long long)m->id, news[m->news],
		(long long)(m->news == NEWS_END ? m->over_ms : m->sent_ms), host);
	fprintf(out, "References: <muster.%llu.%lld@%s>\r\n", (unsigned long long)m->id, (long long)m->since_ms, host);
}

static void put_header(FILE *out, const struct alert_message *m, const struct receiver_conf *receiver)
{
	fprintf(out, "From: %s\r\nTo: %s\r\nSubject: ", receiver->from, receiver->to);
	put_header_text(out, m->summary);
	fputs("\r\n", out);
	put_date(out, m->sent_ms);
	put_ids(out, m);
	fputs("MIME-Version: 1.0\r\n"
	      "Content-Type: text/plain; charset=utf-8\r\n"
	      "Content-Transfer-Encoding: 8bit\r\n"
	      "Auto-Submitted: auto-generated\r\n",
	      out);
	fprintf(out, "Importance: %s\r\n\r\n", strcmp(m->severity, "critical") ? "normal" : "high");
}

/* Lines end with CRLF on the wire. */
static void put_lines(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputc('\r', out);
		fputc(*text, out);
	}
}

char *smtp_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *mail = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)secret;
	if (!out)
		return NULL;
	message_text(message, out);
	if (fclose(out))
		return NULL;
	out = open_memstream(&mail, &length);
	if (!out)
		return NULL;
	put_header(out, message, receiver);
	put_lines(out, text);
	return fclose(out) ? NULL : TAKE_PTR(mail);
}
