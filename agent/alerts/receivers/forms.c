// SPDX-License-Identifier: GPL-2.0-or-later
#include "receiver.h"

/* A heartbeat's body is of no message: deliver.c makes it. */
const struct receiver_form receiver_forms[] = {
	[RECEIVER_WEBHOOK] = {webhook_body, "application/json", "", true},
	[RECEIVER_SLACK] = {slack_body, "application/json", "", false},
	[RECEIVER_PAGERDUTY] = {pagerduty_body, "application/json", "", false},
	[RECEIVER_ALERTMANAGER] = {alertmanager_body, "application/json", "/api/v2/alerts", true},
	[RECEIVER_SMTP] = {smtp_body, NULL, "", false},
	[RECEIVER_EXEC] = {webhook_body, NULL, "", false},
	[RECEIVER_HEARTBEAT] = {webhook_body, "application/json", "", true},
};
