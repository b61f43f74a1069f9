// SPDX-License-Identifier: GPL-2.0-or-later
/* What the packets say of servers, in words. */
#include "render.h"

#include "../policy/signals.h"
#include "human.h"

/* The bound of a class of handshake times; the last class has a lower one only. */
static const char *bound(const json_t *signals, const char *key, char *buf)
{
	double us = json_figure(signals, key);

	if (us >= SIGNALS_HANDSHAKE_LONGEST_US)
		snprintf(buf, HUMAN_SIZE, "over %.1f s", us / 1e6);
	else
		snprintf(buf, HUMAN_SIZE, "under %.3g ms", us / 1000);
	return buf;
}

static size_t responses(const json_t *counted, char *text, size_t size)
{
	static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", "other"};
	size_t used = snprintf(text, size, "; responses");
	const char *separator = " ";

	for (size_t i = 0; i < ARRAY_SIZE(classes) && used < size; i++) {
		if (json_figure(counted, classes[i]) == 0)
			continue;
		used += snprintf(text + used, size - used, "%s%.0f %s", separator, json_figure(counted, classes[i]),
				 classes[i]);
		separator = ", ";
	}
	if (used < size && *separator == ' ')
		used += snprintf(text + used, size - used, " none yet");
	return MIN(used, size);
}

void render_signals_text(const json_t *signals, char *text, size_t size)
{
	const json_t *counted = json_object_get(signals, "responses");
	char median[HUMAN_SIZE], most[HUMAN_SIZE];
	size_t used = snprintf(text, size, "%.0f handshakes answered, %.0f refused, %.0f SYNs sent again, %.0f resets",
			       json_figure(signals, "answered"), json_figure(signals, "refused"),
			       json_figure(signals, "syns_repeated"), json_figure(signals, "resets"));

	if (json_known(signals, "handshake_p50_us") && used < size)
		used += snprintf(text + used, size - used, "; handshake %s (median), %s (99 %%)",
				 bound(signals, "handshake_p50_us", median), bound(signals, "handshake_p99_us", most));
	if (json_is_object(counted) && used < size)
		responses(counted, text + used, size - used);
}
