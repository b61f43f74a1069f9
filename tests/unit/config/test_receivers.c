// SPDX-License-Identifier: GPL-2.0-or-later
/* The sections alerts and receivers: what they mean, and what is said about every kind of fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "../config_said.h"

static void refused(const char *receivers, const char *why)
{
	_cleanup_(config_free) struct config *config = NULL;
	char text[1024];

	snprintf(text, sizeof(text), "services: []\nreceivers:\n%s", receivers);
	assert_int_equal(parse(text, &config), -EINVAL);
	if (!strstr(said, why))
		fail_msg("\"%s\" is not said, but: %s", why, said);
}

static void receivers_have_their_defaults(void **state)
{
	_cleanup_(config_free) struct config *config = NULL;

	(void)state;
	assert_int_equal(
		parse("services: []\nreceivers:\n"
		      "  - {name: pager, type: pagerduty, secret_file: /etc/key}\n"
		      "  - {name: alive, type: heartbeat, url: \"https://a.example.org/x\", interval: 20s}\n"
		      "  - {name: mail, type: smtp, url: \"smtp://m.example.org\", from: a@b.c, to: \"d@e.f,g@h.i\", "
		      "severity: critical, step: 3}\n",
		      &config),
		0);
	assert_int_equal(config->alerts.repeat_ms, 600000);
	assert_int_equal(config->alerts.flap_ms, 300000);
	assert_int_equal(config->n_receivers, 3);
	assert_string_equal(config->receivers[0].url, PAGERDUTY_URL);
	assert_int_equal(config->receivers[0].least, ALERT_WARNING);
	assert_int_equal(config->receivers[0].step, 1);
	assert_int_equal(config->receivers[1].interval_ms, 20000);
	assert_int_equal(config->receivers[2].least, ALERT_CRITICAL);
	assert_int_equal(config->receivers[2].line, 5);
	assert_string_equal(config_receiver_type_name(RECEIVER_ALERTMANAGER), "alertmanager");
}

static void each_type_needs_its_keys_and_no_others(void **state)
{
	(void)state;
	refused("  - {name: a, type: webhook}\n", "3:5: a receiver of type webhook has no 'url'");
	refused("  - {name: a, type: pagerduty}\n", "has no 'secret_file': add it");
	refused("  - {name: a, type: exec}\n", "has no 'command': add it");
	refused("  - {name: a, type: exec, command: /bin/x, url: \"http://a/\"}\n", "has no use for url: remove it");
	refused("  - {name: a, type: smtp, url: \"smtp://a\"}\n", "has no 'from': add it");
	refused("  - {name: a, type: slack, url: \"https://a/\", to: x@y.z}\n", "has no use for to: remove it");
	refused("  - {name: a, type: slack, url: \"https://a/\", url_file: /x}\n", "keep one");
	refused("  - {name: a, type: smtp, url: \"smtp://a\", from: a@b.c, to: a@b.c, user: u}\n",
		"user without secret_file");
	refused("  - {name: a, type: letter}\n", "'letter' is not possible");
	refused("  - {name: a, type: exec, command: /bin/x}\n  - {name: a, type: exec, command: /bin/y}\n",
		"receiver 'a' stands twice, first on line 3");
}

static void urls_hold_no_secrets_and_lead_where_the_type_goes(void **state)
{
	(void)state;
	refused("  - {name: a, type: webhook, url: \"https://me:secret@a.example.org/\"}\n",
		"holds a name or password: write those as user and secret_file");
	refused("  - {name: a, type: webhook, url: \"smtp://a\"}\n", "begins with http:// or https://");
	refused("  - {name: a, type: webhook, url: \"file:///etc/passwd\"}\n", "is not a URL");
	refused("  - {name: a, type: smtp, url: \"https://a\", from: a@b.c, to: a@b.c}\n", "begins with smtp://");
	refused("  - {name: a, type: webhook, url: \"http://a/\\r\\nHost: b\"}\n", "is not a URL");
}

static void mail_addresses_cannot_smuggle_headers(void **state)
{
	static const char *const addresses[] = {
		"x", "@b.c", "a@", "a@b.c,", "a@b@c.d", "a b@c.d", "<a@b.c>", "a@b.c\\r\\nBcc: d@e.f", ",a@b.c"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		char text[256];

		snprintf(text, sizeof(text), "  - {name: a, type: smtp, url: \"smtp://a\", from: a@b.c, to: \"%s\"}\n",
			 addresses[i]);
		refused(text, "is not a mail address");
	}
}

static int forget(void **state)
{
	(void)state;
	free(said);
	said = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receivers_have_their_defaults),
		cmocka_unit_test(each_type_needs_its_keys_and_no_others),
		cmocka_unit_test(urls_hold_no_secrets_and_lead_where_the_type_goes),
		cmocka_unit_test(mail_addresses_cannot_smuggle_headers),
	};

	return cmocka_run_group_tests_name("config/receivers", tests, NULL, forget);
}
