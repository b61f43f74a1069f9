// SPDX-License-Identifier: GPL-2.0-or-later
/* What one configuration changes in another, server by server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "change/compare.h"

#define HEAD "services:\n"
#define SERVICE(name, address)                                                                                         \
	"  - name: " name "\n    address: " address "\n    port: 80\n    check: {type: tcp}\n    servers:\n"
#define SERVER(name, address, more) "      - {name: " name ", address: " address more "}\n"
#define WEB                         SERVICE("web", "10.0.0.1")
#define ONE                         SERVER("web-01", "10.1.0.1", "")
#define TWO                         SERVER("web-02", "10.1.0.2", "")

static struct config *before, *after;

static struct config *parse(const char *text)
{
	struct config *config = NULL;

	if (config_parse(text, strlen(text), "test", stderr, &config) < 0)
		fail_msg("the test's configuration has faults:\n%s", text);
	return config;
}

static void change(const char *from, const char *to)
{
	config_free(&before);
	config_free(&after);
	before = parse(from);
	after = parse(to);
}

static bool all_serve(const void *context, const struct service_conf *service, const struct server_conf *server)
{
	(void)context, (void)service, (void)server;
	return true;
}

static bool nobody_serves(const void *context, const struct service_conf *service, const struct server_conf *server)
{
	(void)context, (void)service, (void)server;
	return false;
}

static void takes_out(const char *names)
{
	char said[256];
	size_t n = compare_taken_out(before, after, all_serve, NULL, said, sizeof(said));

	if (strcmp(said, names) || !n != !*names)
		fail_msg("it takes out '%s' (%zu), and not '%s'", said, n, names);
	if (compare_taken_out(before, after, nobody_serves, NULL, said, sizeof(said)))
		fail_msg("servers that do not serve are taken out: %s", said);
}

static void test_taken_out(void **state)
{
	(void)state;
	change(HEAD WEB ONE TWO, HEAD WEB TWO ONE);
	takes_out("");
	change(HEAD WEB ONE TWO, HEAD WEB ONE);
	takes_out("web/web-02");
	change(HEAD WEB ONE TWO, HEAD WEB ONE SERVER("web-02", "10.1.0.2", ", weight: 0"));
	takes_out("web/web-02");
	change(HEAD WEB ONE TWO, HEAD WEB ONE SERVER("web-02", "10.1.0.9", ""));
	takes_out("web/web-02");
	change(HEAD WEB ONE TWO, HEAD WEB ONE SERVER("web-02", "10.1.0.2", ", port: 81"));
	takes_out("web/web-02");
	change(HEAD WEB ONE TWO, HEAD SERVICE("web", "10.0.0.2") ONE TWO);
	takes_out("web/web-01, web/web-02");
	change(HEAD WEB ONE SERVER("web-02", "10.1.0.2", ", weight: 0"), HEAD WEB ONE);
	takes_out("");
	change(HEAD WEB ONE, HEAD WEB ONE TWO);
	takes_out("");
}

static const json_t *server(const json_t *services, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json_array_get(services, 0), "servers"), i,
			   one) if (!strcmp(json_string_value(json_object_get(one, "name")), name)) return one;
	fail_msg("no %s in the plan", name);
	return NULL;
}

static void has(const json_t *object, const char *key, double figure)
{
	double is = json_number_value(json_object_get(object, key));

	if (is < figure - 0.01 || is > figure + 0.01)
		fail_msg("%s is %.2f, and should be %.2f", key, is, figure);
}

static void test_document(void **state)
{
	const json_t *without;
	size_t single;
	json_t *services;

	(void)state;
	change(HEAD WEB ONE TWO, HEAD WEB ONE SERVER("web-03", "10.1.0.3", ", weight: 3, max_flows: 70"));
	services = compare_json(before, after, &single);
	assert_int_equal(single, 0);
	assert_string_equal(json_string_value(json_object_get(server(services, "web-02"), "change")), "removed");
	assert_string_equal(json_string_value(json_object_get(server(services, "web-03"), "change")), "added");
	assert_string_equal(json_string_value(json_object_get(server(services, "web-01"), "change")), "same");
	has(server(services, "web-01"), "share_before_pct", 50);
	has(server(services, "web-01"), "share_after_pct", 25);
	has(server(services, "web-03"), "share_after_pct", 75);
	has(server(services, "web-02"), "share_after_pct", 0);
	without = json_object_get(json_array_get(services, 0), "without");
	assert_int_equal(json_array_size(without), 2);
	has(json_array_get(without, 0), "left", 1);
	has(json_array_get(without, 0), "max_flows", 70);
	assert_true(json_is_null(json_object_get(json_array_get(without, 1), "max_flows")));
	json_decref(services);
}

/* muster add declares a server, and FILE does not. */
static void test_not_in_the_file(void **state)
{
	json_t *services;
	size_t single;

	(void)state;
	change(HEAD WEB ONE TWO, HEAD WEB ONE TWO);
	before->services[0].servers[1].line = after->services[0].servers[1].line = 0;
	services = compare_json(before, after, &single);
	assert_true(json_is_true(json_object_get(server(services, "web-01"), "in_file")));
	assert_true(json_is_false(json_object_get(server(services, "web-02"), "in_file")));
	assert_string_equal(json_string_value(json_object_get(server(services, "web-02"), "change")), "same");
	json_decref(services);
}

#define RECYCLED                                                                                                       \
	"  - name: web\n    address: 10.0.0.1\n    port: 80\n    memory: {source: node_exporter}\n"                    \
	"    on_memory: recycle\n    recycle_hook: /bin/x\n    servers:\n"

/* What Muster would do to servers by itself is said, too. */
static void test_keys(void **state)
{
	json_t *services, *keys;
	size_t single;

	(void)state;
	change(HEAD WEB ONE TWO, HEAD RECYCLED ONE TWO);
	services = compare_json(before, after, &single);
	keys = json_object_get(json_array_get(services, 0), "keys");
	assert_int_equal(json_array_size(keys), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 0), "key")), "on_memory");
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 0), "before")), "weigh");
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 0), "after")), "recycle");
	assert_true(json_is_null(json_object_get(json_array_get(keys, 1), "before")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 1), "after")), "/bin/x");
	json_decref(services);
	services = compare_json(after, after, &single);
	assert_int_equal(json_array_size(json_object_get(json_array_get(services, 0), "keys")), 0);
	json_decref(services);
}

static void test_single_points_of_failure(void **state)
{
	size_t single;

	(void)state;
	change(HEAD WEB ONE TWO, HEAD WEB ONE SERVICE("api", "10.0.0.2") ONE TWO SERVICE("dns", "10.0.0.3")
					 ONE SERVER("web-02", "10.1.0.2", ", weight: 0"));
	json_decref(compare_json(NULL, after, &single));
	assert_int_equal(single, 2);
	json_decref(compare_json(NULL, before, &single));
	assert_int_equal(single, 0);
}

static int teardown(void **state)
{
	(void)state;
	config_free(&before);
	config_free(&after);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_taken_out, teardown),
		cmocka_unit_test_teardown(test_document, teardown),
		cmocka_unit_test_teardown(test_not_in_the_file, teardown),
		cmocka_unit_test_teardown(test_keys, teardown),
		cmocka_unit_test_teardown(test_single_points_of_failure, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
