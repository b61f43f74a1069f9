// SPDX-License-Identifier: GPL-2.0-or-later
/* The JSON documents, from a model built by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "address.h"
#include "report/status.h"

#define NOW_MS  1000000
#define WALL_MS 1795000000000LL

/* One service "web", servers web-01 and web-02, all well; each test spoils what it is about. */
struct world {
	struct config config;
	struct service_conf service_conf;
	struct server_conf server_conf[2];
	struct service service;
	struct server server[2];
	struct model model;
	struct state state;
	struct order order;
	struct lease_clock clock;
	struct kernel_counters counters;
	struct attach_report interface;
	struct status_input in;
};

static int64_t live(void *context, uint32_t index)
{
	(void)context;
	return index == 5 ? 3 : 0;
}

static void make_server(struct world *w, int i, const char *name, const char *address)
{
	struct server_conf *conf = &w->server_conf[i];
	struct server *server = &w->server[i];

	snprintf(conf->name, sizeof(conf->name), "%s", name);
	assert_int_equal(address_parse(address, &conf->addr), 0);
	conf->port = 8080;
	conf->weight = 1;
	conf->line = 10 + (unsigned)i;
	conf->memory = (struct memory_conf){
		.source = MEMORY_NODE_EXPORTER, .port = 9100, .soft_pct = 25, .hard_pct = 8, .floor_pct = 10};
	server->conf = conf;
	server->service = &w->service;
	server->run.index = 5 + (uint32_t)i;
	server->run.health = (struct health){.state = HEALTH_UP,
					     .since_ms = NOW_MS - 180000,
					     .cause = PROBE_OK,
					     .checked_ms = NOW_MS - 400,
					     .duration_ms = 3};
	server->run.memory = (struct memory){.level = MEMORY_GOOD,
					     .since_ms = NOW_MS - 180000,
					     .read_ms = NOW_MS - 700,
					     .available_bytes = 1288490189,
					     .total_bytes = 2147483648,
					     .available_permille = 600,
					     .factor_pct = 100};
	server->run.pool.effective = 100;
	server->run.pool.factor_pct = 100;
	server->run.pool.cause_since_ms = NOW_MS - 180000;
	server->run.hop = HOP_GOOD;
	server->run.share_pct = 50;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->config.file = (char *)"/etc/muster/muster.yaml";
	w->config.state_dir = (char *)"/var/lib/muster";
	w->config.protections = true;
	snprintf(w->service_conf.name, sizeof(w->service_conf.name), "web");
	assert_int_equal(address_parse("10.0.0.100", &w->service_conf.addr), 0);
	w->service_conf.port = 80;
	w->service_conf.proto = IPPROTO_TCP;
	w->service_conf.check.type = CHECK_HTTP;
	w->service.conf = &w->service_conf;
	w->service.servers = w->server;
	w->service.n_servers = 2;
	w->service.run.index = 2;
	w->service.run.rate.flows_s = 12.5;
	make_server(w, 0, "web-01", "10.0.0.11");
	make_server(w, 1, "web-02", "10.0.0.12");
	w->model = (struct model){.config = &w->config, .services = &w->service, .n_services = 1};
	w->clock = (struct lease_clock){.now_ms = NOW_MS, .wall_ms = WALL_MS, .boot_id = "boot"};
	w->counters.server[5].flows_new = 42;
	w->counters.service[2].bytes_in = 4200;
	w->interface = (struct attach_report){.ifname = "eth1", .ifindex = 3, .program_id = 17, .native = true};
	w->order = (struct order){.id = 12,
				  .kind = ORDER_DRAIN,
				  .service = "web",
				  .server = "web-02",
				  .reason = "kernel update",
				  .owner = "root (uid 0)",
				  .claim = "alice",
				  .wall_start_ms = WALL_MS - 60000,
				  .wall_end_ms = WALL_MS + 1740000,
				  .boot_id = "boot",
				  .boot_end_ms = NOW_MS + 1740000};
	w->state = (struct state){.orders = &w->order, .n_orders = 0};
	w->in = (struct status_input){.model = &w->model,
				      .state = &w->state,
				      .clock = &w->clock,
				      .counters = &w->counters,
				      .interfaces = &w->interface,
				      .n_interfaces = 1,
				      .live_flows = live};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* services[0].servers[i] of a fresh document; the document is kept until the next call. */
static json_t *document;
static json_t *server_of(struct world *w, size_t i)
{
	json_decref(document);
	document = status_json(&w->in);
	assert_non_null(document);
	return json_array_get(json_object_get(json_array_get(json_object_get(document, "services"), 0), "servers"), i);
}

static void drop_document(void)
{
	json_decref(document);
	document = NULL;
}

static const char *text(json_t *object, const char *outer, const char *key)
{
	const char *value = json_string_value(json_object_get(outer ? json_object_get(object, outer) : object, key));

	if (!value)
		fail_msg("the document has no text at %s%s%s", outer ? outer : "", outer ? "." : "", key);
	return value;
}

static double number(json_t *object, const char *outer, const char *key)
{
	json_t *value = json_object_get(outer ? json_object_get(object, outer) : object, key);

	if (!json_is_number(value))
		fail_msg("the document has no number at %s%s%s", outer ? outer : "", outer ? "." : "", key);
	return json_number_value(value);
}

static void assert_number(double got, double want, const char *what)
{
	if (got < want - 1e-9 || got > want + 1e-9)
		fail_msg("%s is %g, not %g", what, got, want);
}

/* How many of the attention sentences hold the text. */
static size_t sentences(struct world *w, const char *needle)
{
	json_t *attention = status_attention(&w->in, NULL), *sentence;
	size_t i, n = 0;

	json_array_foreach(attention, i, sentence) n += strstr(json_string_value(sentence), needle) != NULL;
	json_decref(attention);
	return n;
}

static void assert_sentence(struct world *w, const char *needle)
{
	if (sentences(w, needle) != 1)
		fail_msg("attention has %zu sentences with \"%s\", not one", sentences(w, needle), needle);
}

static void test_healthy(void **state)
{
	struct world *w = *state;
	json_t *server = server_of(w, 0);
	json_t *service = json_array_get(json_object_get(document, "services"), 0);

	assert_number(number(document, NULL, "schema"), 1, "schema");
	assert_string_equal(text(service, NULL, "state"), "serving");
	assert_string_equal(text(service, NULL, "protocol"), "tcp");
	assert_string_equal(text(service, NULL, "mode"), "fullnat");
	assert_number(number(service, "rates", "flows_per_s"), 12.5, "the service's new flows a second");
	assert_number(number(service, "counters", "bytes_in"), 4200, "the service's bytes");
	assert_number(number(service, NULL, "live_flows"), 3, "the service's live flows");
	assert_string_equal(text(server, NULL, "name"), "web-01");
	assert_string_equal(text(server, NULL, "address"), "10.0.0.11");
	assert_string_equal(text(server, NULL, "state"), "up");
	assert_string_equal(text(server, "cause", "name"), "full");
	assert_number(number(server, "cause", "age_ms"), 180000, "the cause's age");
	assert_number(number(server, "cause", "since_ms"), WALL_MS - 180000, "the cause's start by the wall clock");
	assert_number(number(server, "weight", "effective"), 1, "effective weight");
	assert_string_equal(text(server, "memory", "level"), "good");
	assert_number(number(server, "memory", "available_pct"), 60, "available memory");
	assert_number(number(server, "memory", "age_ms"), 700, "age of the reading");
	assert_number(number(server, "counters", "flows_new"), 42, "new flows");
	assert_number(number(server, NULL, "share_wanted_pct"), 50, "wanted share");
	if (json_array_size(json_object_get(document, "attention")) != 0)
		fail_msg("all is well, but attention says: %s",
			 json_string_value(json_array_get(json_object_get(document, "attention"), 0)));
}

static void test_fractional_weight(void **state)
{
	struct world *w = *state;
	json_t *server;

	w->server[0].run.pool.effective = 73;
	w->server[0].run.share_pct = -1;
	server = server_of(w, 0);
	assert_number(number(server, "weight", "effective"), 0.73, "effective weight");
	assert_number(number(server, NULL, "share_wanted_pct"), 42.2, "wanted share");
	if (!json_is_null(json_object_get(server, "share_pct")))
		fail_msg("an unknown share must be null");
}

static void test_drain(void **state)
{
	struct world *w = *state;
	json_t *server, *order;

	w->state.n_orders = 1;
	w->server[1].run.pool.effective = 0;
	w->server[1].run.pool.cause = POOL_CAUSE_ORDERED;
	server = server_of(w, 1);
	assert_string_equal(text(server, NULL, "state"), "drained");
	assert_number(number(server, "weight", "ordered"), 0, "ordered weight");
	assert_number(number(server, "weight", "declared"), 1, "declared weight");
	order = json_array_get(json_object_get(server, "orders"), 0);
	assert_string_equal(text(order, NULL, "kind"), "drain");
	assert_string_equal(text(order, NULL, "claim"), "alice");
	assert_number(number(order, NULL, "left_ms"), 1740000, "the lease's rest");
	if (json_array_size(json_object_get(server_of(w, 0), "orders")) != 0)
		fail_msg("web-02's order stands at web-01");
	if (sentences(w, "web-02") != 0)
		fail_msg("a valid drain needs no attention");
	snprintf(w->order.server, sizeof(w->order.server), "web-01");
	assert_string_equal(text(server_of(w, 0), NULL, "state"), "draining");
}

static void test_pending(void **state)
{
	struct world *w = *state;
	json_t *server;

	w->state.n_orders = 1;
	w->order.pending = true;
	server = server_of(w, 1);
	if (strcmp(text(server, NULL, "state"), "up") != 0 || number(server, "weight", "ordered") != 1)
		fail_msg("an order that is not on disk acts already");
	assert_true(json_is_true(json_object_get(json_array_get(json_object_get(server, "orders"), 0), "pending")));
}

static void test_overdue(void **state)
{
	struct world *w = *state;

	w->state.n_orders = 1;
	w->order.overdue = true;
	w->server[1].run.pool.effective = 0;
	assert_sentence(w, "web/web-02: its drain by root (uid 0) (\"kernel update\") is overdue");
}

static void test_layers(void **state)
{
	struct world *w = *state;
	json_t *story, *server, *declared, *ordered, *observed;

	w->state.n_orders = 1;
	w->server[1].run.declared_ms = NOW_MS - 3600000;
	w->server[1].run.pool.effective = 0;
	w->server[1].run.pool.cause = POOL_CAUSE_ORDERED;
	story = status_server_json(&w->in, "web", "web-02");
	server = json_array_get(json_object_get(story, "servers"), 0);
	declared = json_object_get(json_object_get(server, "layers"), "declared");
	ordered = json_object_get(json_object_get(server, "layers"), "ordered");
	observed = json_object_get(json_object_get(server, "layers"), "observed");
	assert_number(number(declared, NULL, "age_ms"), 3600000, "the age of what is declared");
	assert_string_equal(text(declared, NULL, "owner"), "the configuration");
	assert_string_equal(text(ordered, NULL, "kind"), "drain");
	assert_string_equal(text(ordered, NULL, "owner"), "root (uid 0)");
	assert_string_equal(text(ordered, NULL, "cause"), "kernel update");
	assert_string_equal(text(observed, NULL, "name"), "well");
	assert_string_equal(text(observed, NULL, "owner"), "http check");
	assert_string_equal(json_string_value(json_array_get(json_object_get(server, "commands"), 0)),
			    "muster return web-02");
	assert_string_equal(json_string_value(json_array_get(json_object_get(server, "commands"), 1)),
			    "muster lease extend 12 --for 1h");
	json_decref(story);
	w->state.n_orders = 0;
	w->server[1].run.pool.cause = POOL_CAUSE_MEMORY;
	w->server[1].run.pool.look.in = true;
	w->server[1].run.pool.factor_pct = 40;
	story = status_server_json(&w->in, "web", "web-02");
	server = json_array_get(json_object_get(story, "servers"), 0);
	observed = json_object_get(json_object_get(server, "layers"), "observed");
	assert_true(json_is_null(json_object_get(json_object_get(server, "layers"), "ordered")));
	assert_string_equal(text(observed, NULL, "name"), "memory");
	assert_number(number(observed, NULL, "factor_pct"), 40, "what observers leave");
	json_decref(story);
}

static void test_added_by_command(void **state)
{
	struct world *w = *state;
	struct overlay overlay = {
		.service = "web", .server = "web-02", .owner = "alice (uid 1000)", .wall_ms = WALL_MS - 5000};
	struct server_conf conf = *w->server[1].conf;
	json_t *story, *declared;

	conf.line = 0;
	w->server[1].conf = &conf;
	w->state.overlays = &overlay;
	w->state.n_overlays = 1;
	story = status_server_json(&w->in, "web", "web-02");
	declared = json_object_get(json_object_get(json_array_get(json_object_get(story, "servers"), 0), "layers"),
				   "declared");
	assert_string_equal(text(declared, NULL, "owner"), "alice (uid 1000)");
	assert_number(number(declared, NULL, "age_ms"), 5000, "the age of what a command declared");
	json_decref(story);
}

static void test_maintenance(void **state)
{
	struct world *w = *state;

	w->state.n_orders = 1;
	w->order.kind = ORDER_MAINTENANCE;
	w->server[1].run.pool.effective = 0;
	w->server[1].run.health.state = HEALTH_DOWN;
	assert_string_equal(text(server_of(w, 1), NULL, "state"), "maintenance");
	if (sentences(w, "web-02 is down"))
		fail_msg("that a server in maintenance is down is no news");
	w->order.overdue = true;
	assert_sentence(w, "web/web-02 is down");
	assert_sentence(w, "its maintenance by root (uid 0)");
}

static void test_endless_and_recalled(void **state)
{
	struct world *w = *state;
	json_t *leases, *lease;

	w->state.n_orders = 1;
	w->order.length_ms = LEASE_ENDLESS_MS;
	assert_sentence(w, "web/web-02 is out without an end, by root (uid 0)");
	leases = status_leases_json(&w->in);
	lease = json_array_get(json_object_get(leases, "leases"), 0);
	assert_true(json_is_null(json_object_get(lease, "left_ms")) &&
		    json_is_null(json_object_get(lease, "ends_wall_ms")));
	assert_true(json_is_true(json_object_get(lease, "acts")) && json_is_true(json_object_get(lease, "declared")));
	assert_string_equal(text(lease, NULL, "server"), "web-02");
	json_decref(leases);
	lease_suspend(&w->order, "web-01 is down", &w->clock);
	assert_sentence(w, "was recalled, for web-01 is down");
	assert_string_equal(text(server_of(w, 1), NULL, "state"), "up");
	assert_number(number(server_of(w, 1), "weight", "ordered"), 1, "the weight that a recalled order leaves");
	snprintf(w->order.server, sizeof(w->order.server), "web-09");
	leases = status_leases_json(&w->in);
	lease = json_array_get(json_object_get(leases, "leases"), 0);
	assert_true(json_is_false(json_object_get(lease, "declared")));
	assert_string_equal(text(lease, "suspended", "cause"), "web-01 is down");
	json_decref(leases);
}

static void test_resets(void **state)
{
	struct world *w = *state;
	json_t *order;

	w->state.n_orders = 1;
	w->order.length_ms = 1800000;
	w->order.kill_after_ms = 600000;
	order = json_array_get(json_object_get(server_of(w, 1), "orders"), 0);
	assert_number(number(order, NULL, "resets_in_ms"), 540000, "the time until connections are reset");
	w->order.killed = true;
	order = json_array_get(json_object_get(server_of(w, 1), "orders"), 0);
	assert_true(json_is_null(json_object_get(order, "resets_in_ms")));
}

static void test_healthy_but_out(void **state)
{
	struct world *w = *state;

	w->server[1].run.pool.effective = 0;
	w->server[1].run.pool.cause = POOL_CAUSE_HELD;
	assert_sentence(w, "web/web-02 is healthy but gets no new flow");
}

static void test_health_and_memory(void **state)
{
	struct world *w = *state;

	w->server[0].run.health.state = HEALTH_DOWN;
	snprintf(w->server[0].run.health.detail, sizeof(w->server[0].run.health.detail), "HTTP 503, wanted 200-399");
	w->server[1].run.memory.level = MEMORY_STALE;
	w->server[1].run.memory.cause = PROBE_REFUSED;
	assert_sentence(w, "web/web-01 is down for 3 min: HTTP 503, wanted 200-399");
	assert_sentence(w, "web/web-02: its memory source is silent for 0 s (connection refused)");
	w->server[1].run.memory.level = MEMORY_HARD;
	assert_sentence(w, "web/web-02 is short of memory");
}

static void test_pool(void **state)
{
	struct world *w = *state;

	w->service.run.pool.fail_open = true;
	w->service.run.pool.fail_open_since_ms = NOW_MS - 5000;
	assert_sentence(w, "web is fail-open for 5 s");
	server_of(w, 0);
	assert_string_equal(text(json_array_get(json_object_get(document, "services"), 0), NULL, "state"), "fail_open");
	w->service.run.pool.fail_open = false;
	w->server[0].run.pool.effective = w->server[1].run.pool.effective = 0;
	assert_sentence(w, "web serves nobody");
	w->service.n_servers = 0;
	assert_sentence(w, "muster add NAME --service web --address ADDRESS");
}

static void test_hops(void **state)
{
	struct world *w = *state;

	w->server[0].run.hop = HOP_FAILED;
	w->server[1].run.hop = HOP_LOCAL;
	assert_sentence(w, "packets to 10.0.0.11 are dropped");
	assert_sentence(w, "10.0.0.12 is an address of the balancer itself");
	w->server[0].run.hop = HOP_UNKNOWN;
	assert_sentence(w, "the next hop to 10.0.0.11 is not resolved yet");
}

static void test_surroundings(void **state)
{
	struct world *w = *state;

	w->counters.verdict[MUSTER_VERDICT_BAD_CHECKSUM] = 3;
	w->counters.verdict[MUSTER_VERDICT_EGRESS_FAILED] = 4;
	assert_sentence(w, "3 SYN packets had a wrong checksum");
	assert_sentence(w, "tx off` for the interface that leads to this host");
	w->in.bad_checksum = (struct status_sender){.ifname = "eth7"};
	address_parse("10.1.2.3", &w->in.bad_checksum.addr);
	assert_sentence(w, "dropped, the last from 10.1.2.3 by eth7: their sender");
	assert_sentence(w, "for the interface that leads to eth7");
	assert_sentence(w, "4 packets were refused by their egress interface");
	w->in.writer_error = -ENOSPC;
	w->in.writer_busy_ms = 3200;
	assert_sentence(w, "writing to /var/lib/muster failed: No space left on device");
	assert_sentence(w, "has been busy for 3 s");
	w->interface.native = false;
	assert_sentence(w, "eth1 runs in generic mode, which is slower: its driver has no native XDP");
	snprintf(w->interface.text, sizeof(w->interface.text), "generic mode, for native was refused: no");
	assert_sentence(w, "eth1 runs in generic mode, for native was refused: no");
	w->in.n_interfaces = 0;
	assert_sentence(w, "no interface carries the program");
}

/* What an egress interface refused: which, since when, what to do; and what is older than this agent. */
static void test_egress_failures(void **state)
{
	struct world *w = *state;
	struct kernel_failure *f = w->counters.failure;

	w->counters.verdict[MUSTER_VERDICT_EGRESS_FAILED] = 40;
	w->counters.n_failures = 5;
	f[0] = (struct kernel_failure){.ifname = "veth7", .error = -EOPNOTSUPP, .veth = true, .packets = 7};
	f[1] = (struct kernel_failure){.ifname = "eth2", .error = -ENXIO, .packets = 6};
	f[2] = (struct kernel_failure){.ifname = "eth3", .error = -ENETDOWN, .packets = 5};
	f[3] = (struct kernel_failure){.ifname = "eth4", .error = 0, .packets = 4};
	f[4] = (struct kernel_failure){.ifindex = 99, .error = -EINVAL, .packets = 3};
	for (size_t i = 0; i < w->counters.n_failures; i++)
		f[i].last_ms = NOW_MS - 12000;
	assert_sentence(w, "7 packets, the last 12 s ago, were refused by their egress interface veth7: its other end");
	assert_sentence(w, "ethtool -K PEER gro on");
	assert_sentence(w,
			"6 packets, the last 12 s ago, were refused by their egress interface eth2: it does not take");
	assert_sentence(w, "muster attach eth2");
	assert_sentence(w, "ip link set dev eth3 up");
	assert_sentence(w, "ethtool -G eth4 tx N");
	assert_sentence(w, "interface number 99, which is gone");
	assert_sentence(w, "15 packets were refused by their egress interface before this musterd started");
}

static void test_server_document(void **state)
{
	struct world *w = *state;
	json_t *one = status_server_json(&w->in, NULL, "web-01");

	assert_non_null(one);
	assert_int_equal(json_array_size(json_object_get(one, "servers")), 1);
	json_decref(one);
	if (status_server_json(&w->in, NULL, "web-09") || status_server_json(&w->in, "mail", "web-01"))
		fail_msg("a server that there is not has a document");
}

static void test_bad_bytes(void **state)
{
	struct world *w = *state;
	json_t *server;

	snprintf(w->server[0].run.health.detail, sizeof(w->server[0].run.health.detail), "! said \xff\xfe");
	snprintf(w->server[0].run.memory.text, sizeof(w->server[0].run.memory.text), "caf\xc3\xa9");
	server = server_of(w, 0);
	assert_string_equal(text(server, "health", "detail"), "! said ??");
	assert_string_equal(text(server, "memory", "text"), "caf\xc3\xa9");
}

static void test_no_counters(void **state)
{
	struct world *w = *state;
	json_t *server;

	w->in.counters = NULL;
	w->in.live_flows = NULL;
	w->in.state = NULL;
	server = server_of(w, 0);
	if (!json_is_null(json_object_get(server, "live_flows")) || json_object_get(server, "counters"))
		fail_msg("what is not known must not look like zero");
}

static int64_t live_of_one(void *context, uint32_t index)
{
	(void)context;
	return index == 5 ? 3 : -1;
}

static void test_live_of_some(void **state)
{
	struct world *w = *state;
	json_t *service, *server;

	w->in.live_flows = live_of_one;
	w->state.n_orders = 1;
	assert_number(number(server_of(w, 0), NULL, "live_flows"), 3, "what is counted");
	service = json_array_get(json_object_get(document, "services"), 0);
	if (!json_is_null(json_object_get(service, "live_flows")))
		fail_msg("the sum of what is known and what is not");
	server = server_of(w, 1);
	if (!json_is_null(json_object_get(server, "live_flows")))
		fail_msg("what nobody counts must not look like zero");
	assert_string_equal(text(server, NULL, "state"), "draining");
}

static void test_stats(void **state)
{
	struct world *w = *state;
	json_t *stats, *verdicts;

	w->counters.verdict[MUSTER_VERDICT_TO_SERVER] = 9;
	w->in.lateness = (struct prober_lateness){.started = 100, .p99_ms = 7};
	w->in.map_memory_bytes = 1 << 20;
	w->in.flow_table = (struct kernel_flow_table){
		.entries = 2048, .used = 10, .half_open_used = 4, .half_open_evicted = 3, .flood = true};
	w->counters.ports[5] = (struct kernel_ports){.n = 36280, .in_use = 2, .reused_early = 1};
	w->counters.ports[6] = (struct kernel_ports){.n = 36280, .in_use = 3};
	stats = status_stats_json(&w->in);
	verdicts = json_object_get(stats, "verdicts");
	assert_int_equal(json_array_size(verdicts), MUSTER_VERDICTS_N);
	assert_string_equal(text(json_array_get(verdicts, MUSTER_VERDICT_TO_SERVER), NULL, "name"), "to_server");
	assert_string_equal(text(json_array_get(verdicts, MUSTER_VERDICT_TO_SERVER), NULL, "action"), "forward");
	assert_number(number(json_array_get(verdicts, MUSTER_VERDICT_TO_SERVER), NULL, "packets"), 9, "packets");
	assert_number(number(stats, "probes", "late_p99_ms"), 7, "lateness");
	assert_number(number(stats, NULL, "live_flows"), 3, "live flows");
	assert_number(number(stats, "flow_table", "flows"), 1024, "room for flows");
	assert_number(number(stats, "flow_table", "used"), 10, "entries used");
	assert_number(number(stats, "flow_table", "half_open_used"), 4, "half-open entries");
	assert_number(number(stats, "flow_table", "half_open_evicted"), 3, "half-open flows that gave way");
	assert_true(json_is_true(json_object_get(json_object_get(stats, "flow_table"), "flood")));
	assert_number(number(stats, "source_ports", "in_use"), 5, "ports in use");
	assert_number(number(stats, "source_ports", "of"), 72560, "ports");
	assert_number(number(stats, "source_ports", "reused_early"), 1, "ports re-used early");
	json_decref(stats);
	stats = status_storage_json(3000, -EIO);
	assert_number(number(stats, NULL, "busy_ms"), 3000, "busy time");
	assert_string_equal(text(stats, NULL, "error"), "Input/output error");
	json_decref(stats);
}

static void test_verdicts(void **state)
{
	struct world *w = *state;
	json_t *document, *verdicts;

	w->counters.verdict[MUSTER_VERDICT_NO_FLOW] = 4;
	document = status_verdicts_json(&w->in);
	verdicts = json_object_get(document, "verdicts");
	assert_int_equal(json_array_size(verdicts), MUSTER_VERDICTS_N);
	assert_string_equal(text(json_array_get(verdicts, MUSTER_VERDICT_NO_FLOW), NULL, "name"), "no_flow");
	assert_string_equal(text(json_array_get(verdicts, MUSTER_VERDICT_NO_FLOW), NULL, "action"), "refuse");
	assert_number(number(json_array_get(verdicts, MUSTER_VERDICT_NO_FLOW), NULL, "packets"), 4, "packets");
	assert_number(number(json_array_get(verdicts, MUSTER_VERDICT_NO_SERVICE), NULL, "packets"), 0, "packets");
	json_decref(document);
}

/* Server indices of the maps become places in the list; a record that left the pool a moment ago is nobody's. */
static void test_picks(void **state)
{
	struct world *w = *state;
	static const uint32_t slots[] = {5, 6, 5, 77};
	struct status_picks picks = {.service = &w->service, .slots = slots, .n_slots = 4, .turns = 1234};
	json_t *document, *servers, *list;

	w->service_conf.scheduler = MUSTER_SCHEDULER_LEAST_CONNECTIONS;
	w->server[1].run.pool.effective = 73;
	document = status_picks_json(&picks);
	servers = json_object_get(document, "servers");
	list = json_object_get(document, "slots");
	assert_string_equal(text(document, NULL, "service"), "web");
	assert_string_equal(text(document, NULL, "scheduler"), "least_connections");
	assert_number(number(document, NULL, "length"), 4, "length");
	assert_number(number(document, NULL, "turns"), 1234, "turns");
	assert_int_equal(json_array_size(servers), 2);
	assert_number(number(json_array_get(servers, 0), NULL, "slots"), 2, "slots");
	assert_number(number(json_array_get(servers, 0), NULL, "share_pct"), 50, "share");
	assert_number(number(json_array_get(servers, 1), "weight", "declared"), 1, "declared weight");
	assert_number(number(json_array_get(servers, 1), "weight", "effective"), 0.73, "weight in effect");
	assert_int_equal(json_array_size(list), 4);
	assert_int_equal(json_integer_value(json_array_get(list, 1)), 1);
	assert_true(json_is_null(json_array_get(list, 3)));
	json_decref(document);
	picks.n_slots = 0;
	document = status_picks_json(&picks);
	assert_number(number(json_array_get(json_object_get(document, "servers"), 0), NULL, "share_pct"), 0, "share");
	json_decref(document);
}

static void test_flows(void **state)
{
	struct world *w = *state;
	struct kernel_flow flow = {
		.asked = {.sport = htons(4711), .dport = htons(80), .proto = IPPROTO_TCP},
		.seen = {.sport = htons(61001), .dport = htons(8080), .proto = IPPROTO_TCP},
		.server = 5,
		.state = MUSTER_FLOW_ESTABLISHED,
		.idle_s = 2,
	};
	struct status_flows want = {.model = &w->model, .most = 1};
	struct muster_addr other;
	json_t *out, *one;

	address_parse("192.0.2.1", &flow.asked.src);
	address_parse("10.0.0.100", &flow.asked.dst);
	address_parse("10.0.0.1", &flow.seen.src);
	address_parse("10.0.0.11", &flow.seen.dst);
	address_parse("192.0.2.2", &other);
	want.client = &other;
	assert_true(status_flow_take(&want, &flow));
	want.client = &flow.asked.src;
	want.server = "web-02";
	assert_true(status_flow_take(&want, &flow));
	want.server = "web-01";
	assert_true(status_flow_take(&want, &flow));
	if (status_flow_take(&want, &flow))
		fail_msg("the second of at most one flow was taken");
	out = status_flows_json(&want);
	assert_int_equal(json_array_size(json_object_get(out, "flows")), 1);
	assert_true(json_is_true(json_object_get(out, "more")));
	one = json_array_get(json_object_get(out, "flows"), 0);
	assert_string_equal(text(one, NULL, "client"), "192.0.2.1:4711");
	assert_string_equal(text(one, NULL, "destination"), "10.0.0.100:80");
	assert_string_equal(text(one, NULL, "source_at_server"), "10.0.0.1:61001");
	assert_string_equal(text(one, NULL, "server_address"), "10.0.0.11:8080");
	assert_string_equal(text(one, NULL, "server"), "web-01");
	assert_string_equal(text(one, NULL, "state"), "established");
	assert_number(number(one, NULL, "idle_s"), 2, "idle time");
	json_decref(out);
	for (int i = MUSTER_FLOW_HALF_OPEN; i < MUSTER_FLOW_TAKEN; i++) {
		flow.state = i;
		one = status_flow_json(&w->model, &flow);
		if (strcmp(text(one, NULL, "state"), "unknown") == 0)
			fail_msg("state %d of a flow has no name", i);
		json_decref(one);
	}
}

static void test_protections_off(void **state)
{
	struct world *w = *state;

	w->config.protections = false;
	assert_sentence(w, "protections are off in /etc/muster/muster.yaml");
}

/* Ports that run out, or go round too fast, are told before the clients tell. */
static void test_source_ports(void **state)
{
	struct world *w = *state;
	struct kernel_ports *ports = &w->server[0].run.ports;
	json_t *out;

	*ports = (struct kernel_ports){.n = 1000, .in_use = 899};
	out = status_json(&w->in);
	assert_int_equal(json_array_size(json_object_get(out, "attention")), 0);
	json_decref(out);
	ports->in_use = 900;
	assert_sentence(w, "900 of 1000 source ports toward it are in use");
	ports->in_use = 1000;
	assert_sentence(w, "web/web-01: all 1000 source ports toward it are in use");
	*ports = (struct kernel_ports){.n = 1000, .in_use = 10};
	w->server[0].run.port_reused_ms = NOW_MS - 3000;
	assert_sentence(w, "source ports went to another client");
	w->server[0].run.port_reused_ms = NOW_MS - 3600 * 1000;
	w->in.no_port_ms = NOW_MS - 3600 * 1000;
	out = status_json(&w->in);
	assert_int_equal(json_array_size(json_object_get(out, "attention")), 0);
	json_decref(out);
	w->in.no_port_ms = NOW_MS - 2000;
	w->counters.verdict[MUSTER_VERDICT_NO_PORT] = 17;
	assert_sentence(w, "17 packets found no source port toward their server");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_healthy),
		TEST(test_fractional_weight),
		TEST(test_drain),
		TEST(test_overdue),
		TEST(test_layers),
		TEST(test_added_by_command),
		TEST(test_maintenance),
		TEST(test_endless_and_recalled),
		TEST(test_resets),
		TEST(test_pending),
		TEST(test_healthy_but_out),
		TEST(test_health_and_memory),
		TEST(test_pool),
		TEST(test_hops),
		TEST(test_surroundings),
		TEST(test_egress_failures),
		TEST(test_server_document),
		TEST(test_bad_bytes),
		TEST(test_no_counters),
		TEST(test_live_of_some),
		TEST(test_stats),
		TEST(test_verdicts),
		TEST(test_picks),
		TEST(test_flows),
		TEST(test_protections_off),
		TEST(test_source_ports),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	drop_document();
	return failed;
}
