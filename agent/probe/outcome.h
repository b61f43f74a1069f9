/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a probe can end, in one list: enum, name in JSON and journal, text for people. `tcp` says whether the
 * server's TCP answered: a server that answers TCP but fails its check still counts for fail-open (it may be
 * better than nothing).
 */
#ifndef MUSTER_PROBE_OUTCOME_H
#define MUSTER_PROBE_OUTCOME_H

/* clang-format off */
#define PROBE_OUTCOMES(X) \
	/*  NAME            name              tcp    text */ \
	X(OK,               ok,               true,  "passed") \
	X(REFUSED,          refused,          false, "connection refused") \
	X(CONNECT_TIMEOUT,  connect_timeout,  false, "no answer to connect") \
	X(UNREACHABLE,      unreachable,      false, "host or network unreachable") \
	X(RESET,            reset,            true,  "connection reset") \
	X(TIMEOUT,          timeout,          true,  "connected, but no answer in time") \
	X(CLOSED,           closed,           true,  "closed before the answer was whole") \
	X(WRONG_STATUS,     wrong_status,     true,  "answered with an unwanted status") \
	X(WRONG_BODY,       wrong_body,       true,  "the wanted text is not in the body") \
	X(NOT_HTTP,         not_http,         true,  "the answer is not HTTP") \
	X(TLS,              tls,              true,  "TLS failed") \
	X(UNREADABLE,       unreadable,       true,  "the answer could not be understood") \
	X(LOCAL,            local,            false, "the agent itself could not start the probe")
/* clang-format on */

enum probe_outcome {
#define X(NAME, name, tcp, text) PROBE_##NAME,
	PROBE_OUTCOMES(X)
#undef X
		PROBE_OUTCOMES_N
};

const char *probe_outcome_name(enum probe_outcome outcome);
const char *probe_outcome_text(enum probe_outcome outcome);
_Bool probe_outcome_tcp(enum probe_outcome outcome);

#endif
