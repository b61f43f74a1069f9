// SPDX-License-Identifier: GPL-2.0-or-later
#include "value.h"

#include <ctype.h>
#include <net/if.h>
#include <stdio.h>

#include "../address.h"

int value_duration(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	int64_t sum = 0, limit = 366 * 86400LL;
	size_t next = 0; /* units come from large to small, each once */

	do {
		int64_t number = 0;
		size_t unit;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			number = number * 10 + (*text - '0');
			if (number > limit)
				return -EINVAL;
		}
		for (unit = next; unit < ARRAY_SIZE(units) && units[unit].unit != *text; unit++)
			;
		if (*text == 0 && next == 0)
			unit = ARRAY_SIZE(units) - 1; /* a bare number is seconds */
		else if (unit == ARRAY_SIZE(units))
			return -EINVAL;
		else
			text++;
		sum += number * units[unit].seconds;
		next = unit + 1;
	} while (*text);
	if (sum < 1 || sum > limit)
		return -EINVAL;
	*seconds = sum;
	return 0;
}

int value_word(const char *const *words, const char *text)
{
	int found = -ENOENT;

	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
		if (*text && strncmp(words[i], text, strlen(text)) == 0)
			found = found == -ENOENT ? i : -E2BIG;
	}
	return found;
}

static int integer(const char *text, int64_t low, int64_t high, int64_t *number)
{
	int64_t value = 0;

	if (!*text || strlen(text) > 18)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		value = value * 10 + (*text - '0');
	}
	if (value < low || value > high)
		return -EINVAL;
	*number = value;
	return 0;
}

static int word(const char *const *words, const char *text, int64_t *number, char *why, size_t n)
{
	int found = value_word(words, text);
	size_t used;

	if (found >= 0) {
		*number = found;
		return 0;
	}
	used = (size_t)snprintf(why, n, "%s: give one of", found == -E2BIG ? "could be several" : "is not known here");
	for (int i = 0; words[i] && used < n; i++)
		used += (size_t)snprintf(why + used, n - used, "%s %s", i ? "," : "", words[i]);
	return -EINVAL;
}

int value_parse(enum value_type type, const char *const *words, const char *text, int64_t *number, char *why, size_t n)
{
	struct muster_addr addr;
	__be16 port;
	const char *need = NULL;

	switch (type) {
	case VALUE_DURATION:
		if (value_duration(text, number) < 0)
			need = "is not a duration: give a number and its unit, 90s, 30m, 2h, 1d or 1h30m";
		break;
	case VALUE_COUNT:
		if (integer(text, 1, INT32_MAX, number) < 0)
			need = "is not a count: give a whole number from 1";
		break;
	case VALUE_PORT:
		if (integer(text, 1, 65535, number) < 0)
			need = "is not a port: give a number from 1 to 65535";
		break;
	case VALUE_WEIGHT:
		if (integer(text, 0, 256, number) < 0)
			need = "is not a weight: give a whole number from 0 to 256";
		break;
	case VALUE_ADDRESS:
		if (address_parse(text, &addr) < 0)
			need = "is not an address: give IPv4 like 10.0.0.1 or IPv6 like fd00::1, without a port";
		break;
	case VALUE_ENDPOINT:
		if (address_port_parse(text, &addr, &port) < 0 || !port)
			need = "is not an address with a port: give 10.0.0.1:80 or [fd00::1]:80";
		break;
	case VALUE_WORD:
		return word(words, text, number, why, n);
	case VALUE_INTERFACE:
		if (!*text || strlen(text) >= IF_NAMESIZE || strpbrk(text, "/ \t"))
			need = "is not an interface: give a name of at most 15 characters, see: ip link";
		break;
	case VALUE_TEXT:
	case VALUE_SERVER:
	case VALUE_SERVICE:
	case VALUE_FILE:
		if (!*text)
			need = "is empty: give some text";
		break;
	case VALUE_FLAG:
	case VALUE_COMMAND:
		break;
	}
	if (!need)
		return 0;
	snprintf(why, n, "%s", need);
	return -EINVAL;
}
