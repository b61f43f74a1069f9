// SPDX-License-Identifier: GPL-2.0-or-later
#include "hints.h"

#include <stdio.h>
#include <strings.h>

struct hint {
	const char *word; /* in the kernel's sentence, any case */
	int error;        /* or this errno when there is no sentence; 0: none */
	const char *todo; /* %s: the interface */
};

static const struct hint hints[] = {
	{"MTU", ERANGE, "lower the MTU of %s (and, on veth, of its peer)"},
	{"LRO", 0, "ethtool -K %s lro off"},
	{"GSO", 0, "ethtool -K %s tso off gso off"},
	{"segmentation", 0, "ethtool -K %s tso off gso off"},
	{"queue", 0, "set fewer channels, so that a send queue a CPU is free: ethtool -L %s combined N"},
	{"TX ring", 0, "set fewer channels, so that a send queue a CPU is free: ethtool -L %s combined N"},
	{"already active", EEXIST,
	 "another program or mode holds %s: see `bpftool net show dev` and take it off first"},
	{"can't be active", 0, "another program or mode holds %s: see `bpftool net show dev` and take it off first"},
	{NULL, EBUSY, "a program was put on %s meanwhile, or a bpf_link holds it: see `bpftool link show`"},
	{NULL, EOPNOTSUPP, "the driver of %s has no native mode; generic mode works everywhere"},
	{NULL, EINVAL, "see the kernel log (dmesg) for what the driver of %s wants"},
	{NULL, EPERM, "CAP_NET_ADMIN is needed to put a program on %s: run as root"},
	{NULL, ENOMEM, "the driver of %s found no memory for its queues"},
};

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; *text; text++)
		if (strncasecmp(text, word, length) == 0)
			return true;
	return false;
}

const char *attach_hint(int error, const char *reason, const char *ifname, char *buf, size_t n)
{
	const char *cause = reason[0] ? reason : strerror(-error), *todo = NULL;
	size_t used;

	for (size_t i = 0; i < ARRAY_SIZE(hints) && !todo; i++)
		if (hints[i].word && has_word(reason, hints[i].word))
			todo = hints[i].todo;
	for (size_t i = 0; i < ARRAY_SIZE(hints) && !todo; i++)
		if (hints[i].error == -error)
			todo = hints[i].todo;
	used = snprintf(buf, n, "%s%s", cause, todo ? ": " : "");
	if (todo && used < n) {
		const char *mark = strstr(todo, "%s");

		snprintf(buf + used, n - used, "%.*s%s%s", (int)(mark - todo), todo, ifname, mark + strlen("%s"));
	}
	return buf;
}
