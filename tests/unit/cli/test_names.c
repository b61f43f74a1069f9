// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of servers from what was typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/grammar.h"
#include "cli/names.h"

static const char document[] =
	"{\"services\": ["
	" {\"name\": \"web\", \"servers\": [{\"name\": \"web-01\"}, {\"name\": \"web-02\"}, {\"name\": \"web-0\"}]},"
	" {\"name\": \"mail\", \"servers\": [{\"name\": \"web-01\"}, {\"name\": \"mx\"}]}]}";

static void test_servers(void **state)
{
	static const struct {
		const char *typed;
		int exit;
		const char *service, *server, *says;
	} table[] = {
		{"web-01", CLI_DONE, "", "web-01"},
		{"web-0", CLI_DONE, "", "web-0"}, /* the exact one wins */
		{"m", CLI_DONE, "", "mx"},
		{"mail/web", CLI_DONE, "mail", "web-01"},
		{"ma/web-01", CLI_DONE, "mail", "web-01"},
		{"w", CLI_USAGE, .says = "'w' could be several servers: web-01 web-02 web-0"},
		{"web/web-", CLI_USAGE, .says = "could be several servers: web-01 web-02 web-0\n"},
		{"db", CLI_NOT_FOUND, .says = "there is no server 'db'; there are: web-01 web-02 web-0 mx"},
		{"ftp/web-01", CLI_NOT_FOUND, .says = "there is no service 'ftp'; there are: web mail"},
		{"mail/web-02", CLI_NOT_FOUND, .says = "there is no server 'web-02'; there are: web-01 mx"},
		{"", CLI_NOT_FOUND, .says = "there is no server ''"},
	};
	json_t *status = json_loads(document, 0, NULL);

	(void)state;
	assert_non_null(status);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server_name name = {};
		char *errors = NULL;
		size_t size;
		FILE *stream = open_memstream(&errors, &size);
		int result = names_server(status, table[i].typed, &name, stream);

		fclose(stream);
		if (result != table[i].exit)
			fail_msg("'%s' ends with %d, not %d: %s", table[i].typed, result, table[i].exit, errors);
		if (result == CLI_DONE &&
		    (strcmp(name.service, table[i].service) || strcmp(name.server, table[i].server)))
			fail_msg("'%s' became %s/%s", table[i].typed, name.service, name.server);
		if (table[i].says && !strstr(errors, table[i].says))
			fail_msg("'%s' says: %s", table[i].typed, errors);
		free(errors);
	}
	json_decref(status);
}

static void test_empty(void **state)
{
	struct server_name name;
	char *errors = NULL;
	size_t size;
	FILE *stream = open_memstream(&errors, &size);

	(void)state;
	assert_int_equal(names_server(NULL, "web-01", &name, stream), CLI_NOT_FOUND);
	fclose(stream);
	assert_string_equal(errors, "muster: there is no server 'web-01' and no other\n");
	free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_servers), cmocka_unit_test(test_empty)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
