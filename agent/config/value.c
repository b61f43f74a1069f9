// SPDX-License-Identifier: GPL-2.0-or-later
#include "value.h"

#include <ctype.h>

#include "../address.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first: that is also the order in which the terms of a duration stand. */
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};
static const struct unit percent_units[] = {{"%", 1}};
static const struct unit count_units[] = {{"", 1}};
static const struct unit binary_units[] = {{"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};

/* How numbers of one value_unit are written. */
static const struct notation {
	const struct unit *units;
	size_t n;
	bool several;                    /* 2h4m */
	int64_t scale;                   /* from the sum of the terms to the value kept */
	const char *malformed, *no_unit; /* no_unit NULL: digits alone are a number */
} notations[] = {
	[VALUE_COUNT] = {count_units, ARRAY_SIZE(count_units), false, 1,
			 "is not a number without sign or unit: write digits alone", NULL},
	[VALUE_MS] = {duration_units, ARRAY_SIZE(duration_units), true, 1,
		      "is not a duration: write whole numbers with d, h, m, s or ms, as in 2h4m or 500ms",
		      "has no unit: add d, h, m, s or ms"},
	[VALUE_S] = {duration_units, ARRAY_SIZE(duration_units), true, 1000,
		     "is not a duration: write whole numbers with d, h, m or s, as in 1h30m",
		     "has no unit: add d, h, m or s"},
	[VALUE_BYTES] = {size_units, ARRAY_SIZE(size_units), false, 1,
			 "is not a size: write a whole number with KiB, MiB or GiB, as in 16MiB",
			 "has no unit: add KiB, MiB or GiB"},
	[VALUE_PERCENT] = {percent_units, ARRAY_SIZE(percent_units), false, 1,
			   "is not a share in percent: write a whole number with %, as in 25%", "has no unit: add %"},
	[VALUE_BINARY] = {binary_units, ARRAY_SIZE(binary_units), false, 1,
			  "is not a count: write a whole number, alone or with K or M, as in 256K", NULL},
};

/* Numbers of more digits are refused, so that nine digits times the largest unit stay far below 2^63. */
#define MOST_DIGITS 9

/* Reads digits and returns what follows them; NULL: none, or too many. */
static const char *read_digits(const char *text, int64_t *out)
{
	size_t n = strspn(text, DIGITS);

	if (!n || n > MOST_DIGITS)
		return NULL;
	*out = strtoll(text, NULL, 10);
	return text + n;
}

/* Position of the unit at the start of text, -1: none there. */
static int find_unit(const struct notation *notation, const char *text, size_t length)
{
	for (size_t i = 0; i < notation->n; i++)
		if (strlen(notation->units[i].name) == length && !memcmp(notation->units[i].name, text, length))
			return i;
	return -1;
}

const char *value_number(const char *text, enum value_unit unit, int64_t *out)
{
	const struct notation *notation = &notations[unit];
	int last = -1, at;
	int64_t sum = 0;

	do {
		size_t length;
		int64_t term;

		if (text[0] == '0' && isdigit((unsigned char)text[1]))
			return "begins with a zero: write the number without it";
		if (strspn(text, DIGITS) > MOST_DIGITS)
			return "is too large";
		text = read_digits(text, &term);
		if (!text)
			return notation->malformed;
		if (!*text && notation->no_unit)
			return notation->no_unit;
		length = strcspn(text, DIGITS);
		at = find_unit(notation, text, length);
		if (at < 0 || (last >= 0 && !notation->several))
			return notation->malformed;
		if (at <= last)
			return "has its units out of order: write the largest first, each once, as in 2h4m";
		last = at;
		sum += term * notation->units[at].factor;
		text += length;
	} while (*text);
	if (sum % notation->scale)
		return "is finer than a second: write whole seconds";
	*out = sum / notation->scale;
	return NULL;
}

const char *value_format(int64_t value, enum value_unit unit, char *buf)
{
	const struct notation *notation = &notations[unit];
	const struct unit *smallest = &notation->units[notation->n - 1];
	size_t used = 0;

	value *= notation->scale;
	buf[0] = '\0';
	for (size_t i = 0; i < notation->n; i++) {
		const struct unit *u = &notation->units[i];
		int64_t count = value / u->factor;

		/* Units that cannot be combined must divide the value. */
		if (!count || (!notation->several && value % u->factor))
			continue;
		used += snprintf(buf + used, VALUE_TEXT_SIZE - used, "%lld%s", (long long)count, u->name);
		value -= count * u->factor;
	}
	if (!used)
		snprintf(buf, VALUE_TEXT_SIZE, "0%s", unit == VALUE_MS || unit == VALUE_S ? "s" : smallest->name);
	return buf;
}

const char *value_address(const char *text, struct muster_addr *out)
{
	struct muster_addr addr;
	__be16 port;

	if (address_parse(text, &addr) < 0) {
		if (!address_port_parse(text, &addr, &port))
			return "holds a port: write the address alone, the port has a key of its own";
		if (strchr(text, '/'))
			return "holds a prefix length: write the address alone";
		return "is not an address: write IPv4 as in 192.0.2.10 or IPv6 as in 2001:db8::10, names are not "
		       "looked up";
	}
	if (address_is_special(&addr))
		return "is a loopback, link-local, multicast, broadcast or unspecified address: write one that packets "
		       "are routed to";
	*out = addr;
	return NULL;
}

/* One "301" or "200-299"; returns what follows, NULL: not of that form. */
static const char *read_range(const char *text, struct status_range *out)
{
	int64_t first, last;

	text = read_digits(text, &first);
	last = first;
	if (text && *text == '-')
		text = read_digits(text + 1, &last);
	if (!text || first < 100 || last > 599 || first > last)
		return NULL;
	*out = (struct status_range){.first = first, .last = last};
	return text;
}

const char *value_status(const char *text, struct status_range *out, unsigned *n)
{
	for (;;) {
		if (*n == CHECK_STATUS_RANGES)
			return "is one range too many, 8 at most: join neighbouring ranges";
		text += strspn(text, " ");
		text = read_range(text, &out[*n]);
		if (text)
			text += strspn(text, " ");
		if (!text || (*text && *text != ','))
			return "is not a list of statuses from 100 to 599: write it as in \"200-299,301\"";
		(*n)++;
		if (!*text++)
			return NULL;
	}
}

/* Nothing but characters of `allowed`. */
static bool made_of(const char *text, const char *allowed)
{
	return !text[strspn(text, allowed)];
}

/* Printable ASCII, no space: what may stand in a request line or a header value. */
static bool is_graphic(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

const char *value_name_fault(const char *text)
{
	if (!*text || *text == '-' || !made_of(text, LETTERS DIGITS "-_."))
		return "is not a name: write letters, digits, '-', '_' or '.', the first not '-'";
	if (strlen(text) >= MUSTER_NAME_SIZE)
		return "is too long for a name: write at most 31 characters";
	return NULL;
}

const char *value_interface_fault(const char *text)
{
	if (!*text || !is_graphic(text) || strchr(text, '/') || strchr(text, ':') || !strcmp(text, ".") ||
	    !strcmp(text, ".."))
		return "is not an interface name: write one as 'ip link' prints it";
	if (strlen(text) >= IF_NAMESIZE)
		return "is too long for an interface name: write at most 15 characters, as 'ip link' prints it";
	return NULL;
}

const char *value_path_fault(const char *text)
{
	return *text == '/' ? NULL : "is not an absolute path: begin it with '/'";
}

const char *value_url_path_fault(const char *text)
{
	return *text == '/' && is_graphic(text)
		       ? NULL
		       : "is not the path of a URL: begin it with '/', and write other than printable ASCII as %XX";
}

const char *value_host_fault(const char *text)
{
	return *text && made_of(text, LETTERS DIGITS "-_.:[]")
		       ? NULL
		       : "is not a host name: write it as in www.example.org or www.example.org:8080";
}

const char *value_method_fault(const char *text)
{
	return *text && made_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
		       ? NULL
		       : "is not an HTTP method: write it in upper case, as in GET or HEAD";
}

/* A name and password in a URL would be in the file, and in messages. */
const char *value_url_fault(const char *text)
{
	const char *rest = strstr(text, "://");
	size_t host = rest ? strcspn(rest + 3, "/?#") : 0;

	if (!rest || !host || !is_graphic(text))
		return "is not a URL: write it as in https://alerts.example.org/path";
	if (memchr(rest + 3, '@', host))
		return "holds a name or password: write those as user and secret_file";
	return NULL;
}

/* One address, or several with commas: what goes into an envelope and a header as it stands. */
const char *value_mail_fault(const char *text)
{
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t length = strcspn(at, ","), local = strcspn(at, "@,");

		if (!local || local + 1 >= length || memchr(at + local + 1, '@', length - local - 1))
			return "is not a mail address: write it as in ops@example.org, several with commas between";
	}
	return made_of(text, LETTERS DIGITS "@,.!#$%&'*+-/=?^_`{|}~")
		       ? NULL
		       : "is not a mail address: it holds other characters than an address has";
}
