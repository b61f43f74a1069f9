// SPDX-License-Identifier: GPL-2.0-or-later
/* Who keeps which record and which history when a configuration, or an agent, follows another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "model.h"
#include "picks.h"

#define NOW 1000000

/* A configuration with one service and `n` servers 10.0.0.1, 10.0.0.2, ... named web-01, ... */
static struct config *config_of(size_t n)
{
	struct config *config = calloc(1, sizeof(*config));
	struct service_conf *service = calloc(1, sizeof(*service));

	assert_non_null(config);
	assert_non_null(service);
	config->services = service;
	config->n_services = 1;
	snprintf(service->name, sizeof(service->name), "web");
	assert_int_equal(address_parse("192.0.2.1", &service->addr), 0);
	service->port = 80;
	service->proto = IPPROTO_TCP;
	service->servers = calloc(n + 1, sizeof(*service->servers));
	service->n_servers = n;
	for (size_t i = 0; i < n; i++) {
		struct server_conf *server = &service->servers[i];

		snprintf(server->name, sizeof(server->name), "web-%02zu", i + 1);
		server->addr = address_from_v4(htonl(0x0a000001 + i));
		server->weight = 1;
	}
	return config;
}

static struct plan_server record_of(uint32_t index, const char *name, uint32_t v4, enum muster_server_state state)
{
	struct plan_server server = {.index = index};

	snprintf(server.record.name, sizeof(server.record.name), "%s", name);
	server.record.addr = address_from_v4(htonl(v4));
	server.record.port = htons(80);
	server.record.state = state;
	server.record.generation = 40 + index;
	server.record.service = 3;
	server.record.weight_declared = 100;
	server.record.weight_effective = state == MUSTER_SERVER_UP ? 60 : 0;
	return server;
}

/* A kernel that serves web with web-01 up at 0.60 and web-02 down. */
static struct kernel_snapshot *snapshot_of_two(void)
{
	struct kernel_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	assert_non_null(snapshot);
	snapshot->services = calloc(1, sizeof(*snapshot->services));
	snapshot->n_services = 1;
	snapshot->services[0].index = 3;
	snprintf(snapshot->services[0].record.name, MUSTER_NAME_SIZE, "web");
	address_parse("192.0.2.1", &snapshot->services[0].record.addr);
	snapshot->services[0].record.port = htons(80);
	snapshot->services[0].record.proto = IPPROTO_TCP;
	snapshot->servers = calloc(2, sizeof(*snapshot->servers));
	snapshot->n_servers = 2;
	snapshot->servers[0] = record_of(0, "web-01", 0x0a000001, MUSTER_SERVER_UP);
	snapshot->servers[1] = record_of(5, "web-02", 0x0a000002, MUSTER_SERVER_DOWN);
	snapshot->generation[0] = 40;
	snapshot->generation[1] = 8;
	snapshot->generation[5] = 45;
	return snapshot;
}

static void a_first_start_knows_nothing(void **state)
{
	_cleanup_(model_free) struct model *model = NULL;

	(void)state;
	assert_int_equal(model_new(&model, config_of(2), NULL, NULL, NULL, NOW), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(model->services[0].servers[i].run.health.state, HEALTH_UNKNOWN);
		assert_int_equal(model->services[0].servers[i].run.index, i);
		assert_int_equal(model->services[0].servers[i].run.generation, 1);
	}
}

static void an_agent_that_comes_back_takes_health_from_the_kernel(void **state)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = snapshot_of_two();
	_cleanup_(model_free) struct model *model = NULL;
	const struct server *web_01, *web_02;

	(void)state;
	assert_int_equal(model_new(&model, config_of(2), NULL, snapshot, NULL, NOW), 0);
	web_01 = model_server(model, "web", "web-01");
	web_02 = model_server(model, "web", "web-02");
	assert_int_equal(model->services[0].run.index, 3);
	assert_int_equal(web_01->run.health.state, HEALTH_UP);
	assert_int_equal(web_01->run.index, 0);
	assert_int_equal(web_01->run.generation, 40);
	assert_int_equal(web_01->run.memory.factor_pct, 60);
	assert_int_equal(web_02->run.health.state, HEALTH_DOWN);
	assert_int_equal(web_02->run.index, 5);
}

/* web-01's health and the factor that memory left of it, when the maps have `effective` of 10 and an order left `weight`. */
static void restart_under_order(uint32_t effective, enum order_kind kind, uint32_t weight, uint32_t factor_pct)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = snapshot_of_two();
	_cleanup_(model_free) struct model *model = NULL;
	struct order order = {.kind = kind, .weight = weight, .service = "web", .server = "web-01"};
	struct state state = {.orders = &order, .n_orders = 1};
	const struct server *web_01;

	snapshot->servers[0].record.weight_declared = 1000;
	snapshot->servers[0].record.weight_effective = effective;
	assert_int_equal(model_new(&model, config_of(2), NULL, snapshot, &state, NOW), 0);
	web_01 = model_server(model, "web", "web-01");
	assert_int_equal(web_01->run.health.state, HEALTH_UP);
	assert_int_equal(web_01->run.pool.effective, effective);
	assert_int_equal(web_01->run.memory.factor_pct, factor_pct);
}

static void a_lower_weight_is_a_slow_start_on_its_way(void **state)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = snapshot_of_two();
	_cleanup_(model_free) struct model *model = NULL;
	struct config *config = config_of(2);
	const struct server *web_01;

	(void)state;
	config->services[0].pool.slow_start_ms = 30000;
	snapshot->servers[0].record.weight_effective = 33;
	assert_int_equal(model_new(&model, config, NULL, snapshot, NULL, NOW), 0);
	web_01 = model_server(model, "web", "web-01");
	assert_int_equal(ramp_pct(&web_01->run.pool.ramp), 33);
	assert_int_equal(web_01->run.pool.resumed_pct, 33);
	assert_int_equal(web_01->run.memory.factor_pct, 100);
}

static void what_an_order_took_is_not_taken_for_memorys_part(void **state)
{
	(void)state;
	restart_under_order(300, ORDER_WEIGHT, 3, 100);
	restart_under_order(105, ORDER_WEIGHT, 3, 35);
	restart_under_order(1000, ORDER_WEIGHT, 20, 50);
	restart_under_order(2000, ORDER_WEIGHT, 20, 100);
	/* Stopped between the disk and the maps: the order acts with the first plan. */
	restart_under_order(1000, ORDER_WEIGHT, 3, 100);
	restart_under_order(0, ORDER_WEIGHT, 0, 100);
	restart_under_order(0, ORDER_DRAIN, 0, 100);
}

static void an_order_on_another_service_or_not_yet_in_force_explains_nothing(void **state)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = snapshot_of_two();
	struct order orders[] = {
		{.kind = ORDER_WEIGHT, .weight = 3, .service = "mail", .server = "web-01"},
		{.kind = ORDER_WEIGHT, .weight = 3, .service = "web", .server = "web-02"},
		{.kind = ORDER_WEIGHT, .weight = 3, .service = "web", .server = "web-01", .pending = true},
	};
	struct state orders_of = {.orders = orders, .n_orders = ARRAY_SIZE(orders)};
	_cleanup_(model_free) struct model *model = NULL;

	(void)state;
	snapshot->servers[0].record.weight_declared = 1000;
	snapshot->servers[0].record.weight_effective = 300;
	assert_int_equal(model_new(&model, config_of(2), NULL, snapshot, &orders_of, NOW), 0);
	assert_int_equal(model_server(model, "web", "web-01")->run.memory.factor_pct, 30);
}

static void a_new_server_never_gets_a_used_record_and_goes_on_from_its_generation(void **state)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = snapshot_of_two();
	_cleanup_(model_free) struct model *model = NULL;
	const struct server *web_03;

	(void)state;
	assert_int_equal(model_new(&model, config_of(3), NULL, snapshot, NULL, NOW), 0);
	web_03 = model_server(model, "", "web-03");
	assert_int_equal(web_03->run.index, 1);
	assert_int_equal(web_03->run.generation, 9);
}

static void a_reload_keeps_what_is_known(void **state)
{
	_cleanup_(model_free) struct model *old = NULL, *model = NULL;
	struct server *was;

	(void)state;
	assert_int_equal(model_new(&old, config_of(2), NULL, NULL, NULL, NOW), 0);
	was = model_server(old, "web", "web-02");
	was->run.generation = 12;
	health_adopt(&was->run.health, HEALTH_DOWN, NOW);
	assert_int_equal(model_new(&model, config_of(3), old, NULL, NULL, NOW + 5), 0);
	assert_int_equal(model_server(model, "web", "web-02")->run.id, was->run.id);
	assert_int_equal(model_server(model, "web", "web-02")->run.generation, 12);
	assert_int_equal(model_server(model, "web", "web-02")->run.health.state, HEALTH_DOWN);
	assert_int_equal(model_server(model, "web", "web-03")->run.health.state, HEALTH_UNKNOWN);
	assert_int_not_equal(model_server(model, "web", "web-03")->run.index, was->run.index);
}

static void a_server_with_another_address_is_another_server(void **state)
{
	_cleanup_(model_free) struct model *old = NULL, *model = NULL;
	struct config *moved = config_of(2);

	(void)state;
	assert_int_equal(model_new(&old, config_of(2), NULL, NULL, NULL, NOW), 0);
	health_adopt(&model_server(old, "web", "web-01")->run.health, HEALTH_UP, NOW);
	moved->services[0].servers[0].addr = address_from_v4(htonl(0x0a0000c8));
	assert_int_equal(model_new(&model, moved, old, NULL, NULL, NOW), 0);
	assert_int_equal(model_server(model, "web", "web-01")->run.health.state, HEALTH_UNKNOWN);
	assert_int_not_equal(model_server(model, "web", "web-01")->run.id, model_server(old, "web", "web-01")->run.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_start_knows_nothing),
		cmocka_unit_test(an_agent_that_comes_back_takes_health_from_the_kernel),
		cmocka_unit_test(a_lower_weight_is_a_slow_start_on_its_way),
		cmocka_unit_test(what_an_order_took_is_not_taken_for_memorys_part),
		cmocka_unit_test(an_order_on_another_service_or_not_yet_in_force_explains_nothing),
		cmocka_unit_test(a_new_server_never_gets_a_used_record_and_goes_on_from_its_generation),
		cmocka_unit_test(a_reload_keeps_what_is_known),
		cmocka_unit_test(a_server_with_another_address_is_another_server),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
