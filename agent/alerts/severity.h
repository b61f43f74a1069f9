/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How bad an alert is, the worst last, so that a receiver's least severity is a comparison. */
#ifndef MUSTER_ALERT_SEVERITY_H
#define MUSTER_ALERT_SEVERITY_H

/* clang-format off */
#define ALERT_SEVERITIES(X) \
	X(INFO,     info,     "to be known, not to be acted on at once; told once") \
	X(WARNING,  warning,  "something is lost, and what is left carries it") \
	X(CRITICAL, critical, "clients are hurt, or will be when one more thing fails")
/* clang-format on */
enum alert_severity {
#define X(NAME, name, text) ALERT_##NAME,
	ALERT_SEVERITIES(X)
#undef X
};

#endif
