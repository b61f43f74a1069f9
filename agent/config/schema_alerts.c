// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of the schema about alerts and who is told. */
#include "schema.h"

#define AT SCHEMA_AT

#define MINUTE_MS 60000
#define DAY_MS    (24 * 60 * MINUTE_MS)

static const struct schema_choice types[] = {
	{"webhook", RECEIVER_WEBHOOK,
	 "The alert is posted to url as JSON: its name, severity, subject, what it means, the next commands."},
	{"slack", RECEIVER_SLACK, "As a message, to an incoming webhook of Slack, or of what speaks its format."},
	{"pagerduty", RECEIVER_PAGERDUTY,
	 "By PagerDuty's Events API, version 2: secret_file holds the routing key, url may be left out."},
	{"alertmanager", RECEIVER_ALERTMANAGER,
	 "To a Prometheus Alertmanager: url is its root, as in http://127.0.0.1:9093."},
	{"smtp", RECEIVER_SMTP,
	 "As mail: url is smtp://HOST:PORT, or smtps:// for TLS from the start. With user or ca_file TLS is a must, "
	 "otherwise it is used where the server offers it."},
	{"exec", RECEIVER_EXEC,
	 "A program is run, in a process group of its own, without capabilities and with a clean environment; the "
	 "webhook's JSON is its standard input. It is killed after 10 s. A status other than 0 is a failure."},
	{"heartbeat", RECEIVER_HEARTBEAT,
	 "No alerts: a small document is posted each interval while the agent lives. Whoever watches for it tells when "
	 "the agent itself is gone."},
	{}};
static const struct schema_choice severities[] = {
#define X(NAME, name, text) {#name, ALERT_##NAME, text},
	ALERT_SEVERITIES(X)
#undef X
		{}};

/* clang-format off */
static const struct schema_key receiver_keys[] = {
	{"name", SCHEMA_NAME, true, AT(struct receiver_conf, name), .check = value_name_fault,
	 .help = "Name of the receiver, unique in the file."},
	{"type", SCHEMA_CHOICE, true, AT(struct receiver_conf, type), .choices = types, .help = "How it is told."},
	{"url", SCHEMA_STRING, AT(struct receiver_conf, url), .max = SCHEMA_PATH_MOST, .check = value_url_fault,
	 .fallback_text = "for pagerduty " PAGERDUTY_URL "; the others but exec need one",
	 .help = "Where it is reached."},
	{"url_file", SCHEMA_STRING, AT(struct receiver_conf, url_file), .max = SCHEMA_PATH_MOST, .check = value_path_fault,
	 .fallback_text = "url", .help = "File whose first line is the URL, for one that is itself a secret. Read at each delivery."},
	{"ca_file", SCHEMA_STRING, AT(struct receiver_conf, ca_file), .max = SCHEMA_PATH_MOST, .check = value_path_fault,
	 .fallback_text = "the system's", .help = "Certificates of the authorities that are trusted. A certificate is always verified."},
	{"secret_file", SCHEMA_STRING, AT(struct receiver_conf, secret_file), .max = SCHEMA_PATH_MOST, .check = value_path_fault,
	 .fallback_text = "none", .help = "File whose first line is the secret: a bearer token, PagerDuty's routing key, or the password of user (smtp). Read at each delivery."},
	{"command", SCHEMA_STRING, AT(struct receiver_conf, command), .max = SCHEMA_PATH_MOST, .check = value_path_fault,
	 .fallback_text = "none; exec needs one", .help = "The program to run, without arguments (exec)."},
	{"user", SCHEMA_STRING, AT(struct receiver_conf, user), .min = 1, .max = 255, .fallback_text = "none",
	 .help = "Name to log in by (smtp)."},
	{"from", SCHEMA_STRING, AT(struct receiver_conf, from), .max = 255, .check = value_mail_fault,
	 .fallback_text = "none; smtp needs one", .help = "Mail address of the sender (smtp)."},
	{"to", SCHEMA_STRING, AT(struct receiver_conf, to), .max = 1023, .check = value_mail_fault,
	 .fallback_text = "none; smtp needs one", .help = "Mail address of the recipient, or several with commas between (smtp)."},
	{"severity", SCHEMA_CHOICE, AT(struct receiver_conf, least), .choices = severities, .fallback = "warning",
	 .help = "Least severity that it is told of."},
	{"step", SCHEMA_NUMBER, AT(struct receiver_conf, step), .min = 1, .max = 99, .fallback = "1",
	 .help = "Receivers of the first step are told at once, those of the next one when nobody has acknowledged the alert for repeat, and so on."},
	{"interval", SCHEMA_NUMBER, AT(struct receiver_conf, interval_ms), .unit = VALUE_MS, .min = 1000, .max = DAY_MS,
	 .fallback = "1m", .help = "Time from one sign of life to the next (heartbeat)."},
	{}
};
const struct schema_section schema_receiver = {
	"a receiver", sizeof(struct receiver_conf), .keys = receiver_keys, .help = "One receiver of alerts."};

static const struct schema_key alerts_keys[] = {
	{"repeat", SCHEMA_NUMBER, AT(struct alerts_conf, repeat_ms), .unit = VALUE_MS, .min = 0, .max = DAY_MS, .fallback = "10m",
	 .help = "Time after which an alert that nobody has acknowledged is told again, and to the receivers of the next step. 0s: never."},
	{"flap", SCHEMA_NUMBER, AT(struct alerts_conf, flap_ms), .unit = VALUE_MS, .min = 1000, .max = DAY_MS, .fallback = "5m",
	 .help = "An alert that comes back within this time of its end is told again at the earliest this time after it was told last."},
	{}
};
/* clang-format on */
const struct schema_section schema_alerts = {"alerts", .keys = alerts_keys,
					     .help = "When the receivers are told of what is wrong."};
