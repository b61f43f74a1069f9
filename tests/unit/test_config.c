// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration file: what it means, and what is said about every kind of fault, at which position. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>

#include "address.h"
#include "config.h"
#include "config/schema.h"
#include "config/yaml.h"
#include "config_said.h"

#define EXAMPLE "tools/musterd.example.yaml"

static int forget(void **state)
{
	(void)state;
	free(said);
	said = NULL;
	return 0;
}

static struct config *parses(const char *text)
{
	struct config *config = NULL;
	int r = parse(text, &config);

	if (r)
		fail_msg("the file should be accepted, but: %s", said);
	assert_string_equal(said, "");
	return config;
}

/* The file is refused with exactly these lines, each given by its beginning after "m.yaml:". */
static void refused(const char *text, const char *const *lines, size_t n)
{
	struct config *config = NULL;
	const char *at;

	assert_int_equal(parse(text, &config), -EINVAL);
	assert_null(config);
	at = said;
	for (size_t i = 0; i < n; i++) {
		const char *end = strchr(at, '\n');

		if (!end || strncmp(at, "m.yaml:", 7) || strncmp(at + 7, lines[i], strlen(lines[i])))
			fail_msg("line %zu should begin with 'm.yaml:%s', but the faults are:\n%s", i + 1, lines[i],
				 said);
		at = end + 1;
	}
	if (*at)
		fail_msg("there should be %zu faults, but they are:\n%s", n, said);
}
#define REFUSED(text, ...)                                                                                             \
	refused(text, (const char *const[]){__VA_ARGS__}, ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

/* One service, with these further lines, and these servers in a flow list. */
#define SERVICE(more, servers)                                                                                         \
	"services:\n"                                                                                                  \
	"  - name: web\n"                                                                                              \
	"    address: 192.0.2.10\n"                                                                                    \
	"    port: 80\n" more "    servers: [" servers "]\n"
#define WEB_01 "{name: web-01, address: 10.0.0.1}"

static void the_smallest_file_has_every_default(void **state)
{
	_cleanup_(config_free) struct config *config = parses(SERVICE("", WEB_01));
	const struct service_conf *service = &config->services[0];
	const struct server_conf *server = &service->servers[0];

	(void)state;
	assert_string_equal(config->file, "m.yaml");
	assert_string_equal(config->state_dir, "/var/lib/muster");
	assert_string_equal(config->socket, "/run/muster/muster.sock");
	assert_string_equal(config->group, "muster");
	assert_string_equal(config->pins, "/sys/fs/bpf/xdp/globals");
	assert_null(config->object);
	assert_int_equal(config->journal_max_bytes, 16 * 1024 * 1024);
	assert_int_equal(config->journal_keep, 5);
	assert_int_equal(config->order_max_s, 7 * 24 * 3600);
	assert_int_equal(config->timeout.half_open_ms, 60000);
	assert_int_equal(config->timeout.established_ms, 124 * 60000);
	assert_int_equal(config->timeout.udp_once_ms, 10000);
	assert_int_equal(config->flows, 262144);
	assert_int_equal(config->n_interfaces, 0);
	assert_int_equal(config->n_services, 1);
	assert_int_equal(service->port, 80);
	assert_int_equal(service->proto, IPPROTO_TCP);
	assert_int_equal(service->mode, MUSTER_MODE_FULLNAT);
	assert_int_equal(service->on_empty, MUSTER_ON_EMPTY_REJECT);
	assert_int_equal(service->scheduler, MUSTER_SCHEDULER_ROUND_ROBIN);
	assert_false(service->observe);
	assert_false(service->recycles);
	assert_false(service->claim);
	assert_int_equal(service->line, 2);
	assert_int_equal(service->check.type, CHECK_TCP);
	assert_string_equal(service->check.method, "GET");
	assert_string_equal(service->check.path, "/");
	assert_true(service->check.tls_verify);
	assert_int_equal(service->check.n_status, 1);
	assert_int_equal(service->check.status[0].first, 200);
	assert_int_equal(service->check.status[0].last, 399);
	assert_int_equal(service->check.port, 0);
	assert_int_equal(service->check.interval_ms, 2000);
	assert_int_equal(service->check.timeout_ms, 1000);
	assert_int_equal(service->check.fast_interval_ms, 500);
	assert_int_equal(service->check.jitter_pct, 10);
	assert_int_equal(service->check.rise, 2);
	assert_int_equal(service->check.fall, 3);
	assert_int_equal(service->memory.source, MEMORY_NONE);
	assert_int_equal(service->pool.max_out_pct, 50);
	assert_int_equal(service->pool.hold_ms, 10000);
	assert_int_equal(service->pool.hold_max_ms, 300000);
	assert_int_equal(service->pool.slow_start_ms, 30000);
	assert_int_equal(service->pool.min_active, 1);
	assert_int_equal(service->n_servers, 1);
	assert_string_equal(server->name, "web-01");
	assert_int_equal(server->addr.word[3], htonl(0x0a000001));
	assert_int_equal(server->port, 0);
	assert_int_equal(server->weight, 1);
	assert_int_equal(server->max_flows, 0);
	assert_int_equal(server->line, 5);
	assert_int_equal(server->memory.soft_pct, 25);
	assert_int_equal(server->memory.hard_pct, 8);
	assert_int_equal(server->memory.floor_pct, 10);
}

static void the_example_parses_and_names_every_key(void **state)
{
	_cleanup_(config_free) struct config *config = NULL;
	const struct server_conf *overridden;

	(void)state;
	if (config_load(EXAMPLE, stderr, &config))
		fail_msg("the example %s should be accepted", EXAMPLE);
	assert_int_equal(config->n_services, 3);
	assert_int_equal(config->n_interfaces, 2);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_int_equal(config->services[0].check.n_status, 2);
	assert_int_equal(config->services[1].check.n_status, 3);
	assert_int_equal(config->services[0].n_source, 1);
	overridden = &config->services[0].servers[1];
	assert_int_equal(overridden->weight, 3);
	assert_int_equal(overridden->max_flows, 20000);
	assert_int_equal(config->services[1].scheduler, MUSTER_SCHEDULER_LEAST_CONNECTIONS);
	assert_int_equal(config->services[2].mode, MUSTER_MODE_DR);
	assert_string_equal(overridden->memory.send, "web-02\n");
	assert_int_equal(overridden->memory.soft_pct, 30);
	assert_false(overridden->backup);
	assert_true(config->services[0].servers[2].backup);
	assert_int_equal(config->services[0].pool.min_active, 2);
}

/* Every key of the table stands as "key:" somewhere in the text. */
static void mentions_all(const struct schema_section *section, const char *text, const char *format)
{
	for (const struct schema_key *key = section->keys; key->name; key++) {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), format, key->name);
		if (!strstr(text, wanted))
			fail_msg("'%s' of %s is not mentioned", key->name, section->name);
		if (key->section)
			mentions_all(key->section, text, format);
	}
}

static void example_and_manual_mention_every_key(void **state)
{
	_cleanup_(freep) char *manual = NULL;
	static char example[65536];
	size_t size = 0;
	FILE *file = fopen(EXAMPLE, "r"), *out = open_memstream(&manual, &size);

	(void)state;
	assert_non_null(file);
	assert_true(fread(example, 1, sizeof(example) - 1, file) > 0);
	fclose(file);
	mentions_all(&schema_file, example, "%s:");
	assert_int_equal(config_manual(out), 0);
	fclose(out);
	mentions_all(&schema_file, manual, ".B %s\n");
}

static void units_are_read(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses("journal: {max_size: 1GiB}\norders: {longest: 1d12h}\ntimeouts: {established: 2h4m30s500ms}\n"
		       "services: []\n");

	(void)state;
	assert_int_equal(config->journal_max_bytes, 1 << 30);
	assert_int_equal(config->order_max_s, 36 * 3600);
	assert_int_equal(config->timeout.established_ms, 124 * 60000 + 30500);
}

static void a_number_without_its_unit_is_a_fault_that_says_which(void **state)
{
	(void)state;
	REFUSED("journal: {max_size: 16}\norders: {longest: 3600}\nservices: []\n",
		"1:21: max_size '16' has no unit: add KiB, MiB or GiB",
		"2:19: longest '3600' has no unit: add d, h, m or s");
	REFUSED(SERVICE("    pool: {max_out: 50, hold: 0}\n", WEB_01), "5:21: max_out '50' has no unit: add %",
		"5:31: hold '0' has no unit: add d, h, m, s or ms");
}

static void malformed_numbers_are_faults(void **state)
{
	static const char *const values[] = {"4m2h", "1s1s", "1.5s",        "2 s", "s",   "-1s",
					     "05s",  "1sec", "9999999999s", "1h4", "+1s", "0x1s"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct config *config = NULL;

		snprintf(text, sizeof(text), "timeouts: {udp: %s}\nservices: []\n", values[i]);
		if (parse(text, &config) != -EINVAL || strncmp(said, "m.yaml:1:17: udp '", 18))
			fail_msg("the duration %s should be refused at 1:17, but: %s", values[i], said);
	}
}

static void out_of_range_says_the_range(void **state)
{
	(void)state;
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, weight: 257}"),
		"5:52: weight '257' is out of range (0 to 256)");
	REFUSED(SERVICE("    check: {interval: 2h, port: 65536}\n", WEB_01),
		"5:23: interval '2h' is out of range (100ms to 1h)", "5:33: port '65536' is out of range (1 to 65535)");
	REFUSED("orders: {longest: 1m500ms}\nservices: []\n", "1:19: longest '1m500ms' is finer than a second");
}

static void an_unknown_key_is_answered_with_the_possible_ones_nearest_first(void **state)
{
	(void)state;
	REFUSED(SERVICE("    check: {intervall: 2s}\n", WEB_01),
		"5:13: unknown key 'intervall' in check: did you mean 'interval'? Possible keys: interval, ");
	assert_non_null(strstr(said, "fast_interval"));
	REFUSED("colour: red\nservices: []\n", "1:1: unknown key 'colour' in the file: Possible keys: ");
	REFUSED(SERVICE("    mode: fulnat\n", WEB_01),
		"5:11: mode 'fulnat' is not possible: did you mean 'fullnat'? Possible values: fullnat, nat");
}

static void a_misspelt_required_key_is_one_fault(void **state)
{
	(void)state;
	REFUSED(SERVICE("", "{name: a, adress: 10.0.0.1}"),
		"5:25: unknown key 'adress' in a server: did you mean 'address'?");
}

static void missing_keys_are_reported_at_their_mapping(void **state)
{
	(void)state;
	REFUSED("services:\n  - name: web\n    address: 192.0.2.10\n", "2:5: a service has no 'port': add it",
		"2:5: a service has no 'servers': add it");
	REFUSED("", "1:1: the file has no 'services': add it");
	REFUSED("# nothing\n", "1:1: the file has no 'services': add it");
}

static void wrong_types_are_faults(void **state)
{
	(void)state;
	REFUSED("services: 5\n", "1:11: services has the wrong type, the text '5': write a list");
	REFUSED("services:\n", "1:10: services has the wrong type, nothing: write a list");
	REFUSED("- a\n", "1:1: the file has the wrong type, a list");
	REFUSED("services: [web]\n", "1:12: a service has the wrong type, a text");
	REFUSED(SERVICE("    check: tcp\n    claim: [yes]\n    on_down:\n", WEB_01),
		"5:12: check has the wrong type, the text 'tcp': write a mapping",
		"6:12: claim has the wrong type, a list: write one value", "7:13: on_down has the wrong type, nothing");
	REFUSED(SERVICE("    claim: maybe\n", WEB_01), "5:12: claim 'maybe' is not possible: Possible values: ");
}

static void bad_addresses_are_faults(void **state)
{
	static const struct {
		const char *address, *reason;
	} cases[] = {
		{"10.0.0.300", "is not an address"}, {"web-01.example.org", "is not an address"},
		{"10.0.0.1:80", "holds a port"},     {"10.0.0.1/24", "holds a prefix length"},
		{"127.0.0.1", "is a loopback"},      {"0.0.0.0", "is a loopback"},
		{"224.0.0.1", "is a loopback"},      {"255.255.255.255", "is a loopback"},
		{"'::1'", "is a loopback"},          {"'fe80::1'", "is a loopback"},
		{"'ff02::1'", "is a loopback"},
	};
	char text[256], wanted[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config *config = NULL;

		snprintf(text, sizeof(text), SERVICE("", "{name: a, address: %s}"), cases[i].address);
		snprintf(wanted, sizeof(wanted), "' %s", cases[i].reason);
		if (parse(text, &config) != -EINVAL || strncmp(said, "m.yaml:5:34: address '", 22) ||
		    !strstr(said, wanted))
			fail_msg("the address %s should be refused: '%s', but: %s", cases[i].address, cases[i].reason,
				 said);
	}
}

static void a_server_of_another_family_is_a_fault(void **state)
{
	(void)state;
	REFUSED(SERVICE("", "{name: a, address: 'fd00::1'}"),
		"5:34: address 'fd00::1' is not of the family of the service's address 192.0.2.10");
	REFUSED(SERVICE("    source: [192.0.2.2, 'fd00::2']\n", WEB_01), "5:25: source 'fd00::2' is not of the family");
}

static void duplicates_are_faults(void **state)
{
	(void)state;
	REFUSED(SERVICE("", WEB_01 ", {name: web-01, address: 10.0.0.2}"),
		"5:57: server 'web-01' stands twice, first on line 5");
	REFUSED(SERVICE("", WEB_01 ", {name: web-02, address: 10.0.0.1, port: 80}"),
		"5:74: server at 10.0.0.1:80 stands twice, first on line 5");
	REFUSED(SERVICE("    port: 81\n", WEB_01), "5:5: key 'port' stands twice in a service, first on line 4");
	REFUSED("interfaces: [eth0, {name: eth0}]\nservices: []\n", "1:27: interface 'eth0' stands twice");
	REFUSED("services:\n"
		"  - {name: a, address: 192.0.2.1, port: 80, servers: []}\n"
		"  - {name: a, address: 192.0.2.1, port: 81, servers: []}\n"
		"  - {name: b, address: 192.0.2.1, port: 80, servers: []}\n"
		"  - {name: c, address: 192.0.2.1, port: 80, protocol: udp, servers: []}\n",
		"3:12: service 'a' stands twice, first on line 2",
		"4:24: tcp service at 192.0.2.1:80 stands twice, first on line 2");
}

static void a_copied_server_is_one_fault(void **state)
{
	(void)state;
	REFUSED(SERVICE("", WEB_01 ", " WEB_01), "5:57: server 'web-01' stands twice");
}

static void one_machine_may_serve_on_two_ports(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("", WEB_01 ", {name: web-02, address: 10.0.0.1, port: 81}"));

	(void)state;
	assert_int_equal(config->services[0].servers[1].port, 81);
}

static void a_services_own_address_as_a_server_is_a_fault(void **state)
{
	(void)state;
	REFUSED(SERVICE("", "{name: a, address: 192.0.2.10, port: 8080}"),
		"5:34: address '192.0.2.10' is that of service 'web'");
}

static void impossible_checks_are_faults(void **state)
{
	(void)state;
	REFUSED(SERVICE("    protocol: udp\n    check: {type: http}\n", WEB_01),
		"6:19: a check of type http on a udp service has no port to ask");
	REFUSED(SERVICE("    protocol: udp\n    check: {interval: 1s}\n", WEB_01),
		"6:12: check says how, but a udp service has no check by default");
	REFUSED(SERVICE("    check: {path: /x, tls_verify: no}\n", WEB_01), "5:19: path is for http and https",
		"5:35: tls_verify is for https");
	REFUSED(SERVICE("    check: {type: http, ca_file: /ca}\n", WEB_01), "5:34: ca_file is for https");
	REFUSED(SERVICE("    check: {type: http, method: HEAD, body: ok}\n", WEB_01),
		"5:45: body cannot be found in the answer to HEAD");
	REFUSED(SERVICE("    check: {interval: 1s, fast_interval: 2s, timeout: 1500ms}\n", WEB_01),
		"5:42: fast_interval 2s is above interval 1s", "5:55: timeout 1s500ms is above interval 1s");
}

static void a_short_interval_shortens_what_depends_on_it(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    check: {interval: 200ms}\n"
			       "    memory: {source: node_exporter, interval: 1s}\n",
			       WEB_01));

	(void)state;
	assert_int_equal(config->services[0].check.timeout_ms, 200);
	assert_int_equal(config->services[0].check.fast_interval_ms, 200);
	assert_int_equal(config->services[0].memory.timeout_ms, 1000);
	assert_int_equal(config->services[0].memory.stale_after_ms, 3000);
}

static void impossible_services_are_faults(void **state)
{
	(void)state;
	REFUSED(SERVICE("    mode: nat\n    source: [192.0.2.2]\n", WEB_01),
		"6:13: source is used in modes fullnat, ipip and gue, this one is nat: ");
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, role: backup}"),
		"5:14: every server is a backup: write role: active for those that serve");
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, tier: 2}"),
		"5:50: tier is of backups, and this server is active: remove it, or write role: backup");
	REFUSED(SERVICE("    pool: {min_active: 2}\n", WEB_01),
		"5:24: min_active 2 is more than the 1 active servers: lower it, or add servers");
	REFUSED(SERVICE("    pool: {hold: 1m, hold_max: 5s}\n", WEB_01), "5:32: hold_max 5s is below hold 1m");
	REFUSED("timeouts: {udp: 20s, udp_once: 30s}\nservices: []\n", "1:32: udp_once 30s is above udp 20s");
	REFUSED("services:\n  - {name: a, address: 192.0.2.1, port: any, servers: [{name: b, address: 10.0.0.1}]}\n",
		"2:5: a service of any port has no port to check");
	REFUSED("services:\n  - {name: a, address: 192.0.2.1, port: 0, check: {port: 22},\n"
		"     servers: [{name: b, address: 10.0.0.1, port: 22}]}\n",
		"3:51: port 22 on a server of a service of any port");
}

static void every_mode_and_scheduler_has_its_word(void **state)
{
	static const struct {
		const char *name;
		enum muster_mode mode;
		bool tunnels, direct;
	} modes[] = {
		{"fullnat", MUSTER_MODE_FULLNAT, false, false},
		{"nat", MUSTER_MODE_NAT, false, false},
		{"dr", MUSTER_MODE_DR, false, true},
		{"ipip", MUSTER_MODE_IPIP, true, true},
		{"gue", MUSTER_MODE_GUE, true, true},
	};
	static const char *const schedulers[] = {
		[MUSTER_SCHEDULER_ROUND_ROBIN] = "round_robin",
		[MUSTER_SCHEDULER_MAGLEV] = "maglev",
		[MUSTER_SCHEDULER_SOURCE] = "source",
		[MUSTER_SCHEDULER_LEAST_CONNECTIONS] = "least_connections",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(text, sizeof(text), SERVICE("    mode: %s\n", WEB_01), modes[i].name);
		_cleanup_(config_free) struct config *config = parses(text);

		assert_int_equal(config->services[0].mode, modes[i].mode);
		assert_string_equal(config_mode_name(modes[i].mode), modes[i].name);
		assert_int_equal(config_mode_tunnels(modes[i].mode), modes[i].tunnels);
		assert_int_equal(config_mode_returns_direct(modes[i].mode), modes[i].direct);
	}
	for (size_t i = 0; i < ARRAY_SIZE(schedulers); i++) {
		snprintf(text, sizeof(text), SERVICE("    scheduler: %s\n", WEB_01), schedulers[i]);
		_cleanup_(config_free) struct config *config = parses(text);

		assert_int_equal(config->services[0].scheduler, i);
		assert_string_equal(config_scheduler_name(i), schedulers[i]);
	}
}

/* Where the server meets the service's address and port, it cannot listen on another one. */
static void packets_that_keep_their_port_reach_no_other(void **state)
{
	static const char *const modes[] = {"dr", "ipip", "gue"};
	char text[256], wanted[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(text, sizeof(text), SERVICE("    mode: %s\n", "{name: a, address: 10.0.0.1, port: 8080}"),
			 modes[i]);
		snprintf(wanted, sizeof(wanted),
			 "6:50: port 8080 is not the service's 80, and in mode %s packets keep their port: remove it, "
			 "or "
			 "write mode: fullnat",
			 modes[i]);
		REFUSED(text, wanted);
		snprintf(text, sizeof(text), SERVICE("    mode: %s\n", "{name: a, address: 10.0.0.1, port: 80}"),
			 modes[i]);
		_cleanup_(config_free) struct config *config = parses(text);

		assert_int_equal(config->services[0].servers[0].port, 80);
	}
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    mode: nat\n", "{name: a, address: 10.0.0.1, port: 8080}"));
	assert_int_equal(config->services[0].servers[0].port, 8080);
}

static void a_tunnel_may_be_of_another_family(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    mode: ipip\n    source: '2001:db8::2'\n", "{name: a, address: '2001:db8::21'}"));

	(void)state;
	assert_int_equal(config->services[0].n_source, 1);
	REFUSED(SERVICE("    mode: gue\n    source: 192.0.2.2\n", "{name: a, address: '2001:db8::21'}"),
		"6:13: source is not of the family of server 'a', to which the tunnel goes: write an IPv6 one");
	REFUSED(SERVICE("    mode: dr\n", "{name: a, address: '2001:db8::21'}"),
		"6:34: address '2001:db8::21' is not of the family of the service's address");
	REFUSED(SERVICE("    mode: dr\n    source: 192.0.2.2\n", WEB_01),
		"6:13: source is used in modes fullnat, ipip and gue, this one is dr: ");
}

static void only_plain_answers_that_pass_by_can_be_observed(void **state)
{
	_cleanup_(config_free) struct config *config = parses(SERVICE("    observe: http\n", WEB_01));

	(void)state;
	assert_true(config->services[0].observe);
	REFUSED(SERVICE("    observe: http\n    protocol: udp\n", WEB_01),
		"5:14: observe: http is for tcp, this service is udp: remove it");
	REFUSED(SERVICE("    mode: dr\n    observe: http\n", WEB_01),
		"6:14: observe: http reads responses, which in mode dr do not come through this host: ");
	REFUSED(SERVICE("    observe: https\n", WEB_01),
		"5:14: observe 'https' is not possible: did you mean 'http'? Possible values: http, no");
}

static void counts_of_flows_may_have_k_and_m(void **state)
{
	static const struct {
		const char *text;
		uint32_t value;
	} cases[] = {{"1K", 1024}, {"1024", 1024}, {"300000", 300000}, {"256K", 262144}, {"16M", 16777216}};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "flows: %s\n" SERVICE("", "{name: a, address: 10.0.0.1, max_flows: %s}"),
			 cases[i].text, cases[i].text);
		_cleanup_(config_free) struct config *config = parses(text);

		assert_int_equal(config->flows, cases[i].value);
		assert_int_equal(config->services[0].servers[0].max_flows, cases[i].value);
	}
	REFUSED("flows: 1023\nservices: []\n", "1:8: flows '1023' is out of range (1K to 16M)");
	REFUSED("flows: 17M\nservices: []\n", "1:8: flows '17M' is out of range (1K to 16M)");
	REFUSED("flows: 1G\nservices: []\n",
		"1:8: flows '1G' is not a count: write a whole number, alone or with K or M");
	REFUSED("flows: 1M1K\nservices: []\n", "1:8: flows '1M1K' is not a count: ");
	REFUSED("flows: 0\nservices: []\n", "1:8: flows '0' is out of range");
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, max_flows: 17M}"),
		"5:55: max_flows '17M' is out of range (0 to 16M)");
}

/* The manual says of each word what it means, where the table says so. */
static void the_manual_tells_which_scheduler_to_choose(void **state)
{
	_cleanup_(freep) char *manual = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&manual, &size);
	const struct schema_choice *choice = schema_find(&schema_service, "scheduler")->choices;

	(void)state;
	assert_int_equal(config_manual(out), 0);
	fclose(out);
	for (; choice->name; choice++) {
		char tag[64];

		snprintf(tag, sizeof(tag), ".TP\n.B %s\n", choice->name);
		assert_non_null(strstr(manual, tag));
		assert_non_null(strstr(choice->help, "To choose "));
	}
}

static void any_port_is_zero(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses("services:\n  - {name: a, address: 192.0.2.1, port: any, check: {type: none}, servers: []}\n"
		       "  - {name: b, address: 192.0.2.2, port: 0, check: {port: 22}, servers: []}\n");

	(void)state;
	assert_int_equal(config->services[0].port, 0);
	assert_int_equal(config->services[0].n_servers, 0);
	assert_int_equal(config->services[1].check.port, 22);
}

static void impossible_memory_is_a_fault(void **state)
{
	(void)state;
	REFUSED(SERVICE("    memory: {source: node_exporter, soft: 8%}\n", WEB_01),
		"5:43: soft 8% is not above hard 8%");
	REFUSED(SERVICE("    memory: {soft: 20%}\n", WEB_01), "5:13: memory says how, but not where from");
	REFUSED(SERVICE("    memory: {source: agent_check, path: /x}\n", WEB_01), "5:22: agent_check has no usual port",
		"5:41: path is for node_exporter");
	REFUSED(SERVICE("    memory: {source: node_exporter, send: x}\n", WEB_01), "5:43: send is for agent_check");
	REFUSED(SERVICE("    memory: {source: node_exporter, interval: 2s, timeout: 3s, stale_after: 2s}\n", WEB_01),
		"5:60: timeout 3s is above interval 2s", "5:77: stale_after 2s is not above interval 2s");
	REFUSED(SERVICE("    memory: {source: node_exporter, hard: 10%}\n",
			"{name: a, address: 10.0.0.1, memory: {soft: 9%}}"),
		"6:59: soft 9% is not above hard 10%");
}

#define READ "    memory: {source: node_exporter}\n"

static void who_is_recycled_needs_a_hook_and_memory(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE(READ "    on_memory: recycle\n    recycle_hook: /usr/local/sbin/restart\n", WEB_01));
	_cleanup_(config_free) struct config *weighs = parses(SERVICE("", WEB_01));

	(void)state;
	assert_true(config->services[0].recycles);
	assert_string_equal(config->services[0].recycle_hook, "/usr/local/sbin/restart");
	assert_false(weighs->services[0].recycles);
	assert_null(weighs->services[0].recycle_hook);
	assert_string_equal(config_on_memory_name(true), "recycle");
	assert_string_equal(config_on_memory_name(false), "weigh");
	REFUSED(SERVICE(READ "    on_memory: recycle\n", WEB_01), "6:16: on_memory: recycle has no recycle_hook: add");
	REFUSED(SERVICE(READ "    recycle_hook: /bin/x\n", WEB_01), "6:19: recycle_hook is for on_memory: recycle");
	REFUSED(SERVICE(READ "    on_memory: recycle\n    recycle_hook: restart.sh\n", WEB_01),
		"7:19: recycle_hook 'restart.sh' is not an absolute path");
	REFUSED(SERVICE("    on_memory: recycle\n    recycle_hook: /bin/x\n", WEB_01),
		"5:16: on_memory: recycle needs memory that is read: add a memory section");
	REFUSED(SERVICE(READ "    on_memory: restart\n", WEB_01), "6:16: on_memory 'restart' is not possible");
}

static void servers_take_over_their_services_memory(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    memory: {source: node_exporter, path: /m, soft: 30%, interval: 4s}\n",
			       WEB_01 ",\n"
				      "{name: b, address: 10.0.0.2, memory: {interval: 2s, port: 9101}},\n"
				      "{name: c, address: 10.0.0.3, memory: {source: agent_check, port: 9777}},\n"
				      "{name: d, address: 10.0.0.4, memory: {source: none}}"));
	const struct server_conf *servers = config->services[0].servers;

	(void)state;
	assert_int_equal(servers[0].memory.source, MEMORY_NODE_EXPORTER);
	assert_string_equal(servers[0].memory.path, "/m");
	assert_int_equal(servers[0].memory.port, MEMORY_PORT_DEFAULT);
	assert_int_equal(servers[0].memory.soft_pct, 30);
	assert_int_equal(servers[0].memory.stale_after_ms, 12000);
	assert_int_equal(servers[1].memory.port, 9101);
	assert_string_equal(servers[1].memory.path, "/m");
	assert_int_equal(servers[1].memory.stale_after_ms, 6000);
	assert_int_equal(servers[1].memory.soft_pct, 30);
	assert_int_equal(servers[2].memory.source, MEMORY_AGENT_CHECK);
	assert_int_equal(servers[2].memory.port, 9777);
	assert_null(servers[2].memory.path);
	assert_int_equal(servers[2].memory.soft_pct, 30);
	assert_int_equal(servers[3].memory.source, MEMORY_NONE);
}

static void servers_memory_needs_a_source_and_a_port(void **state)
{
	_cleanup_(config_free) struct config *config = parses(
		SERVICE("    memory: {source: agent_check}\n", "{name: a, address: 10.0.0.1, memory: {port: 9777}}"));

	(void)state;
	assert_int_equal(config->services[0].servers[0].memory.port, 9777);
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, memory: {source: agent_check}}"),
		"5:61: agent_check has no usual port");
	REFUSED(SERVICE("", "{name: a, address: 10.0.0.1, memory: {soft: 30%}}"),
		"5:52: memory says how, but neither this server nor its service names a source");
	REFUSED(SERVICE("    memory: {source: agent_check}\n",
			"{name: a, address: 10.0.0.1, memory: {port: 9777}}, {name: b, address: 10.0.0.2}"),
		"5:22: agent_check has no usual port");
}

static void sources_are_few_and_different(void **state)
{
	_cleanup_(config_free) struct config *config = parses(SERVICE("    source: 192.0.2.2\n", WEB_01));

	(void)state;
	assert_int_equal(config->services[0].n_source, 1);
	REFUSED(SERVICE("    source: [192.0.2.2, 192.0.2.3, 192.0.2.2]\n", WEB_01),
		"5:36: source '192.0.2.2' stands twice");
	REFUSED(SERVICE("    source: [192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6]\n", WEB_01),
		"5:58: source '192.0.2.6' is one too many: at most 4 fit");
	REFUSED(SERVICE("    source: {a: b}\n", WEB_01), "5:13: source has the wrong type, a mapping");
}

static void bad_input_is_quoted_safely(void **state)
{
	static char text[2200] = "socket: /";

	(void)state;
	REFUSED("\"\\e[31m\": 1\nservices: []\n", "1:1: unknown key '\\x1b[31m' in the file");
	REFUSED("\"a\\0b\": 1\n", "1:1: a NUL character inside a key");
	REFUSED("\"caf\\u00e9\\u0085\": 1\nservices: []\n", "1:1: unknown key 'caf\xc3\xa9\\xc2\\x85' in the file");
	REFUSED("state: ''\nservices: []\n", "1:8: state '' is not an absolute path");
	REFUSED(SERVICE("    check: {type: http, body: ''}\n", WEB_01), "5:31: body '' is empty");
	memset(text + 9, 'x', 120);
	strcat(text, "\nservices: []\n");
	REFUSED(text, "1:9: socket '/xxxxxxxx");
	assert_non_null(strstr(said, "xxx...' is too long: write at most 107 characters\n"));
}

static void names_have_rules(void **state)
{
	(void)state;
	REFUSED(SERVICE("",
			"{name: -a, address: 10.0.0.1}, {name: a b, address: 10.0.0.2}, {name: '', address: 10.0.0.3}"),
		"5:22: name '-a' is not a name", "5:53: name 'a b' is not a name", "5:85: name '' is not a name");
	REFUSED(SERVICE("", "{name: abcdefghijklmnopqrstuvwxyz012345, address: 10.0.0.1}"),
		"5:22: name 'abcdefghijklmnopqrstuvwxyz012345' is too long for a name");
	REFUSED("interfaces: [eth0.with.a.long.name, a/b]\nservices: []\n",
		"1:14: name 'eth0.with.a.long.name' is too long for an interface name",
		"1:37: name 'a/b' is not an interface name");
	REFUSED("state: var/lib\nservices: []\n", "1:8: state 'var/lib' is not an absolute path");
}

static void requests_cannot_be_smuggled(void **state)
{
	(void)state;
	REFUSED(SERVICE("    check: {type: http, path: \"/ HTTP/1.1\\r\\nX: y\", host: \"a\\nb\"}\n", WEB_01),
		"5:31: path '/ HTTP/1.1\\x0d\\x0aX: y' is not the path of a URL",
		"5:59: host 'a\\x0ab' is not a host name");
}

static void statuses_are_ranges(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    check: {type: http, status: \"200-299, 301\"}\n", WEB_01));

	(void)state;
	assert_int_equal(config->services[0].check.n_status, 2);
	assert_int_equal(config->services[0].check.status[0].last, 299);
	assert_int_equal(config->services[0].check.status[1].first, 301);
	assert_int_equal(config->services[0].check.status[1].last, 301);
	REFUSED(SERVICE("    check: {type: http, status: [200, 299-200, 600, \"\"]}\n", WEB_01),
		"5:39: status '299-200'", "5:48: status '600'", "5:53: status ''");
	REFUSED(SERVICE("    check: {type: http, status: \"200,201,202,203,204,205,206,207,208\"}\n", WEB_01),
		"5:33: status '200,201,202,203,204,205,206,207,208' is one range too many");
}

static void a_syntax_error_is_the_only_fault(void **state)
{
	(void)state;
	REFUSED("unknown: *x\nservices: [\n", "3:1: YAML syntax: ");
	REFUSED("state: /x\n\tsocket: y\n", "2:1: YAML syntax: ");
	REFUSED("state: \xff\n", "1:8: not readable as UTF-8 text: ");
}

static void less_than_yaml_on_purpose(void **state)
{
	(void)state;
	REFUSED("state: &a /x\nsocket: *a\nservices: !!seq []\n", "1:8: anchor 'a'", "2:9: alias 'a'",
		"3:11: tag 'tag:yaml.org,2002:seq'");
	REFUSED("services: []\n---\nservices: []\n", "2:1: a second YAML document");
	REFUSED("[a]: b\n", "1:1: a key that is no plain text");
	REFUSED("services: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "1:26: levels nested too deep, at most 16");
	REFUSED("state: \"/a\\0b\"\nservices: []\n", "1:8: a NUL character inside a text");
}

static void size_and_number_are_limited(void **state)
{
	_cleanup_(freep) char *text = malloc(YAML_MOST_BYTES + 2);
	size_t used = 0;

	(void)state;
	memset(text, ' ', YAML_MOST_BYTES + 1);
	text[YAML_MOST_BYTES + 1] = '\0';
	REFUSED(text, "1:1: the file has more than 1048576 bytes");
	used = sprintf(text, "services: [");
	for (unsigned i = 0; i <= YAML_MOST_NODES; i++)
		used += sprintf(text + used, "a,");
	sprintf(text + used, "]");
	REFUSED(text, "1:400008: too many values, at most 200000");
	used = sprintf(text, "services:\n");
	for (unsigned i = 0; i <= MUSTER_MAX_SERVICES; i++)
		used += sprintf(text + used, "- {name: s%u, address: 192.0.2.1, port: %u, servers: []}\n", i, i + 1);
	REFUSED(text, "258:3: services has 257 entries, at most 256 fit: remove 1");
	used = sprintf(text, "services:\n");
	for (unsigned s = 0; s < 2; s++) {
		used += sprintf(text + used, "- {name: s%u, address: 192.0.2.1, port: %u, servers: [\n", s, s + 1);
		for (unsigned i = 0; i < MUSTER_MAX_SERVERS / 2 + s; i++)
			used += sprintf(text + used, "{name: s%u, address: 10.0.%u.%u},\n", i, i / 250, i % 250 + 1);
		used += sprintf(text + used, "]}\n");
	}
	REFUSED(text, "4101:1: server 4097 of the file, at most 4096 fit into the maps");
}

static void many_faults_are_cut(void **state)
{
	_cleanup_(freep) char *text = malloc(YAML_MOST_BYTES);
	size_t used = sprintf(text, "services: []\n");

	(void)state;
	for (unsigned i = 0; i < 1200; i++)
		used += sprintf(text + used, "key%u: 1\n", i);
	assert_int_equal(parse(text, &(struct config *){NULL}), -EINVAL);
	assert_non_null(strstr(said, "m.yaml: 200 more faults are not shown"));
}

static void a_file_that_cannot_be_read_is_said(void **state)
{
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	FILE *faults = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(config_load("/nowhere/m.yaml", faults, &config), -ENOENT);
	fclose(faults);
	assert_non_null(strstr(text, "/nowhere/m.yaml: reading the configuration failed: No such file"));
}

static void the_state_is_found_in_a_faulty_file(void **state)
{
	static const struct {
		const char *text, *dir;
	} files[] = {
		{"state: /run/lab # here\nservices: [", "/run/lab"},
		{"services: [\nstate: \"/run/lab\"\n", "/run/lab"},
		{"", "/var/lib/muster"},
		{"services: {}\n", "/var/lib/muster"},
		{"  state: /run/lab\n", "/var/lib/muster"},
		{"state:\n", "/var/lib/muster"},
		{"state: [\n", "/var/lib/muster"},
		{"state: lab\n", "/var/lib/muster"},
		{"restate: /run/lab\nstate: /run/other", "/run/other"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *dir = config_folder(files[i].text, "state");

		assert_string_equal(dir, files[i].dir);
	}
}

static void the_pins_are_found_in_a_faulty_file(void **state)
{
	_cleanup_(freep) char *named = config_folder("services: [\npins: /sys/fs/bpf/lab\nstate: /run/lab\n", "pins");
	_cleanup_(freep) char *usual = config_folder("state: /run/lab\nservices: [", "pins");

	(void)state;
	assert_string_equal(named, "/sys/fs/bpf/lab");
	assert_string_equal(usual, "/sys/fs/bpf/xdp/globals");
}

static void a_server_by_command_has_the_services_defaults(void **state)
{
	_cleanup_(config_free) struct config *config =
		parses(SERVICE("    memory: {source: node_exporter, soft: 40%}\n", WEB_01));
	struct service_conf *service = &config->services[0];
	struct server_conf server;
	char why[256];

	(void)state;
	assert_int_equal(server_conf_default(service, &server), 0);
	assert_int_equal(server.weight, 1);
	assert_int_equal(server.line, 0);
	assert_int_equal(server.memory.soft_pct, 40);
	assert_string_equal(server.memory.path, MEMORY_PATH_DEFAULT);
	strcpy(server.name, "web-01");
	address_parse("10.0.0.2", &server.addr);
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "has a server 'web-01' already"));
	strcpy(server.name, "web-02");
	address_parse("10.0.0.1", &server.addr);
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "10.0.0.1:80 is server 'web-01'"));
	address_parse("fd00::1", &server.addr);
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), -EINVAL);
	address_parse("192.0.2.10", &server.addr);
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), -EINVAL);
	address_parse("10.0.0.2", &server.addr);
	service->mode = MUSTER_MODE_DR;
	server.port = 8080;
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "is of mode dr, where packets keep their port: leave out port 8080"));
	service->mode = MUSTER_MODE_FULLNAT;
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), 0);
	server.port = 0;
	assert_int_equal(config_server_fits(config, service, &server, why, sizeof(why)), 0);
	assert_int_equal(service_conf_add(service, &server), 0);
	assert_int_equal(service->n_servers, 2);
	assert_null(server.memory.path);
	service_conf_remove(service, 0);
	assert_int_equal(service->n_servers, 1);
	assert_string_equal(service->servers[0].name, "web-02");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_file_has_every_default),
		cmocka_unit_test(the_example_parses_and_names_every_key),
		cmocka_unit_test(example_and_manual_mention_every_key),
		cmocka_unit_test(units_are_read),
		cmocka_unit_test(a_number_without_its_unit_is_a_fault_that_says_which),
		cmocka_unit_test(malformed_numbers_are_faults),
		cmocka_unit_test(out_of_range_says_the_range),
		cmocka_unit_test(an_unknown_key_is_answered_with_the_possible_ones_nearest_first),
		cmocka_unit_test(a_misspelt_required_key_is_one_fault),
		cmocka_unit_test(missing_keys_are_reported_at_their_mapping),
		cmocka_unit_test(wrong_types_are_faults),
		cmocka_unit_test(bad_addresses_are_faults),
		cmocka_unit_test(a_server_of_another_family_is_a_fault),
		cmocka_unit_test(duplicates_are_faults),
		cmocka_unit_test(a_copied_server_is_one_fault),
		cmocka_unit_test(one_machine_may_serve_on_two_ports),
		cmocka_unit_test(a_services_own_address_as_a_server_is_a_fault),
		cmocka_unit_test(impossible_checks_are_faults),
		cmocka_unit_test(a_short_interval_shortens_what_depends_on_it),
		cmocka_unit_test(impossible_services_are_faults),
		cmocka_unit_test(every_mode_and_scheduler_has_its_word),
		cmocka_unit_test(packets_that_keep_their_port_reach_no_other),
		cmocka_unit_test(a_tunnel_may_be_of_another_family),
		cmocka_unit_test(only_plain_answers_that_pass_by_can_be_observed),
		cmocka_unit_test(counts_of_flows_may_have_k_and_m),
		cmocka_unit_test(the_manual_tells_which_scheduler_to_choose),
		cmocka_unit_test(any_port_is_zero),
		cmocka_unit_test(impossible_memory_is_a_fault),
		cmocka_unit_test(who_is_recycled_needs_a_hook_and_memory),
		cmocka_unit_test(servers_take_over_their_services_memory),
		cmocka_unit_test(servers_memory_needs_a_source_and_a_port),
		cmocka_unit_test(sources_are_few_and_different),
		cmocka_unit_test(bad_input_is_quoted_safely),
		cmocka_unit_test(names_have_rules),
		cmocka_unit_test(requests_cannot_be_smuggled),
		cmocka_unit_test(statuses_are_ranges),
		cmocka_unit_test(a_syntax_error_is_the_only_fault),
		cmocka_unit_test(less_than_yaml_on_purpose),
		cmocka_unit_test(size_and_number_are_limited),
		cmocka_unit_test(many_faults_are_cut),
		cmocka_unit_test(a_file_that_cannot_be_read_is_said),
		cmocka_unit_test(the_state_is_found_in_a_faulty_file),
		cmocka_unit_test(the_pins_are_found_in_a_faulty_file),
		cmocka_unit_test(a_server_by_command_has_the_services_defaults),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, forget);
}
