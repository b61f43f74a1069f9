// SPDX-License-Identifier: GPL-2.0-or-later
#include "schema.h"

#include <netinet/in.h>

#define AT      SCHEMA_AT
#define COUNTED SCHEMA_COUNTED

#define MINUTE_MS 60000
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define DAY_S     (24 * 60 * 60)
#define KIB       1024
#define GIB       (1024LL * 1024 * 1024)
/* sizeof sun_path without its NUL */
#define SOCKET_PATH_MOST 107
#define PATH_MOST        SCHEMA_PATH_MOST
#define FLOWS_MOST       (16 << 20)

static const struct schema_choice booleans[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {}};
static const struct schema_choice protections[] = {
	{"on", true, "As this page and muster(8) describe it."},
	{"off", false,
	 "A plain balancer: new flows go in turn to the servers whose check passes, by declared and ordered weights, "
	 "and to all "
	 "when none passes. No drain is recalled; no order and no change of the configuration is refused for what it "
	 "takes "
	 "out; memory and packets change no weight; nobody is held out, recycled or comes back step by step; no backup "
	 "stands in; "
	 "max_flows limits nobody; maps that somebody edits are left as they are. It is for comparison, and to rule "
	 "Muster out "
	 "as a cause: as long as it lasts, the status, the audit, muster check and an alert say so."},
	{}};
static const struct schema_choice attach_modes[] = {
	{"auto", ATTACH_AUTO}, {"native", ATTACH_NATIVE}, {"generic", ATTACH_GENERIC}, {}};
static const struct schema_choice protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {}};
static const struct schema_choice modes[] = {
	{"fullnat", MUSTER_MODE_FULLNAT,
	 "Both addresses and ports are rewritten. Servers need nothing; they see this host as the client."},
	{"nat", MUSTER_MODE_NAT,
	 "The destination alone is rewritten. Servers see the client, and their answers must return through this "
	 "host."},
	{"dr", MUSTER_MODE_DR,
	 "Direct return: the link address alone is written, and servers answer clients by themselves. They are on this "
	 "host's segment, and hold the service's address where it answers no ARP (on the loopback interface)."},
	{"ipip", MUSTER_MODE_IPIP,
	 "The packet goes to the server in another IP packet, over any distance, and servers answer clients by "
	 "themselves. They end the tunnel and hold the service's address. Addresses of servers may be of either "
	 "family. "
	 "The way must have room for 20 bytes more, 40 to an IPv6 address."},
	{"gue", MUSTER_MODE_GUE,
	 "The same in UDP (generic UDP encapsulation), 12 bytes more, for networks that carry or spread nothing else."},
	{}};
static const struct schema_choice schedulers[] = {
	{"round_robin", MUSTER_SCHEDULER_ROUND_ROBIN,
	 "Strictly in turn, by weight: of 1,000 connections two equal servers get 500 each. To choose unless one of "
	 "the others is needed."},
	{"maglev", MUSTER_SCHEDULER_MAGLEV,
	 "By a hash of the client's address and port, in a table that every balancer with the same servers builds "
	 "alike. "
	 "To choose where several balancers share an address: a flow that comes to another one finds its server, and "
	 "when one of ten servers goes, less than 1 % of what the others had moves. Shares are by weight on average."},
	{"source", MUSTER_SCHEDULER_SOURCE,
	 "By a hash of the client's address: a client stays with one server while the servers stay. To choose for "
	 "servers that keep sessions to themselves. Many clients behind one address all go to one server."},
	{"least_connections", MUSTER_SCHEDULER_LEAST_CONNECTIONS,
	 "The one with fewer live flows for its weight, of two whose turn it is. To choose where some connections live "
	 "far longer than others."},
	{}};
static const struct schema_choice observed[] = {{"no", false}, {"http", true}, {}};
static const struct schema_choice on_empty[] = {
	{"reject", MUSTER_ON_EMPTY_REJECT}, {"drop", MUSTER_ON_EMPTY_DROP}, {"pass", MUSTER_ON_EMPTY_PASS}, {}};
static const struct schema_choice on_down[] = {{"reset", MUSTER_ON_DOWN_RESET}, {"keep", MUSTER_ON_DOWN_KEEP}, {}};
static const struct schema_choice on_memory[] = {
	{"weigh", false, "Its weight falls, to 0 while another one has room; what runs there is left to people."},
	{"recycle", true,
	 "The same, and one that stays below hard for six readings is recycled, never two of a pool at once: drained "
	 "by an order of Muster's own, if the capacity gate allows it; when its last flow has ended, within 10 "
	 "minutes, recycle_hook is run; when its check and its memory are good again, it returns by slow start. Not "
	 "again for 10 minutes, then for 20, and so on. What fails is an alert, and ends the order; nothing is cut."},
	{}};
static const struct schema_choice check_types[] = {
	{"none", CHECK_NONE}, {"tcp", CHECK_TCP}, {"http", CHECK_HTTP}, {"https", CHECK_HTTPS}, {}};
static const struct schema_choice roles[] = {
	{"active", false, "It serves."},
	{"backup", true,
	 "It is checked as the others are, and stands in when fewer than min_active of them remain, or when they fall "
	 "short of what they were declared for. It steps back when they have been enough for as long as hold."},
	{}};
static const struct schema_choice memory_sources[] = {
	{"none", MEMORY_NONE}, {"node_exporter", MEMORY_NODE_EXPORTER}, {"agent_check", MEMORY_AGENT_CHECK}, {}};

/* clang-format off */
static const struct schema_key journal_keys[] = {
	{"max_size", SCHEMA_NUMBER, AT(struct config, journal_max_bytes), .unit = VALUE_BYTES,
	 .min = 64 * KIB, .max = 16 * GIB, .fallback = "16MiB",
	 .help = "Size at which the journal file is rotated."},
	{"keep", SCHEMA_NUMBER, AT(struct config, journal_keep), .min = 0, .max = 1000, .fallback = "5",
	 .help = "Rotated journal files that are kept beside the current one."},
	{}
};

static const struct schema_key orders_keys[] = {
	{"longest", SCHEMA_NUMBER, AT(struct config, order_max_s), .unit = VALUE_S,
	 .min = 60, .max = 30 * DAY_S, .fallback = "7d",
	 .help = "Longest time that an operator may order a drain, maintenance or a weight for."},
	{"recall_before", SCHEMA_NUMBER, AT(struct config, recall_before_ms), .unit = VALUE_MS,
	 .min = 0, .max = HOUR_MS, .fallback = "5m",
	 .help = "A drain is recalled when the servers left are forecast to be out of memory within this time."},
	{}
};

static const struct schema_key timeouts_keys[] = {
	{"half_open", SCHEMA_NUMBER, AT(struct config, timeout.half_open_ms), .unit = VALUE_MS,
	 .min = 1000, .max = 10 * MINUTE_MS, .fallback = "60s",
	 .help = "TCP flow whose handshake is not complete."},
	{"established", SCHEMA_NUMBER, AT(struct config, timeout.established_ms), .unit = VALUE_MS,
	 .min = 1000, .max = 7LL * DAY_MS, .fallback = "2h4m",
	 .help = "Idle TCP flow (RFC 5382 asks for at least 2h4m)."},
	{"closing", SCHEMA_NUMBER, AT(struct config, timeout.closing_ms), .unit = VALUE_MS,
	 .min = 1000, .max = 60 * MINUTE_MS, .fallback = "60s",
	 .help = "TCP flow after a FIN or RST."},
	{"udp", SCHEMA_NUMBER, AT(struct config, timeout.udp_ms), .unit = VALUE_MS,
	 .min = 1000, .max = DAY_MS, .fallback = "5m",
	 .help = "UDP flow with more than one exchange (RFC 4787)."},
	{"udp_once", SCHEMA_NUMBER, AT(struct config, timeout.udp_once_ms), .unit = VALUE_MS,
	 .min = 1000, .max = 60 * MINUTE_MS, .fallback_text = "10s, or udp where that is shorter",
	 .help = "UDP flow that was not answered, or once. Not above udp."},
	{}
};

static const struct schema_key interface_keys[] = {
	{"name", SCHEMA_NAME, true, AT(struct interface_conf, name), .check = value_interface_fault,
	 .help = "The interface, as 'ip link' prints it."},
	{"mode", SCHEMA_CHOICE, AT(struct interface_conf, mode), .choices = attach_modes, .fallback = "auto",
	 .help = "Where the program runs: in the driver (native), behind it (generic), or in the driver where that works (auto)."},
	{}
};

static const struct schema_key check_keys[] = {
	{"type", SCHEMA_CHOICE, AT(struct check_conf, type), .choices = check_types,
	 .fallback_text = "tcp for a tcp service, none for a udp service",
	 .help = "How a server is asked whether it serves: a TCP connect, or an HTTP or HTTPS request."},
	{"method", SCHEMA_STRING, AT(struct check_conf, method), .max = 16, .check = value_method_fault,
	 .fallback = "GET", .help = "Method of the HTTP request."},
	{"path", SCHEMA_STRING, AT(struct check_conf, path), .max = PATH_MOST, .check = value_url_path_fault,
	 .fallback = "/", .help = "Path, and query if any, of the HTTP request."},
	{"host", SCHEMA_STRING, AT(struct check_conf, host), .max = 255, .check = value_host_fault,
	 .fallback_text = "the server's address",
	 .help = "Host header of the HTTP request, and the name in TLS."},
	{"status", SCHEMA_STATUS, AT(struct check_conf, status), COUNTED(struct check_conf, n_status),
	 .max = CHECK_STATUS_RANGES, .fallback = "200-399",
	 .help = "HTTP statuses that pass: single ones and ranges, as a text such as \"200-299,301\" or as a list."},
	{"body", SCHEMA_STRING, AT(struct check_conf, body), .min = 1, .max = 1024, .fallback_text = "nothing",
	 .help = "Text that must stand in the first 64 KiB of the answer's body."},
	{"port", SCHEMA_NUMBER, AT(struct check_conf, port), .min = 1, .max = 65535,
	 .fallback_text = "the server's own", .help = "Port that is asked."},
	{"timeout", SCHEMA_NUMBER, AT(struct check_conf, timeout_ms), .unit = VALUE_MS, .min = 10, .max = 60 * MINUTE_MS,
	 .fallback_text = "1s, or interval where that is shorter",
	 .help = "Time in which the whole answer must be there. Not above interval."},
	{"interval", SCHEMA_NUMBER, AT(struct check_conf, interval_ms), .unit = VALUE_MS, .min = 100, .max = 60 * MINUTE_MS,
	 .fallback = "2s", .help = "Time from one check of a server to the next."},
	{"fast_interval", SCHEMA_NUMBER, AT(struct check_conf, fast_interval_ms), .unit = VALUE_MS,
	 .min = 50, .max = 60 * MINUTE_MS, .fallback_text = "500ms, or interval where that is shorter",
	 .help = "The same between the first contrary result and the decision. Not above interval."},
	{"jitter", SCHEMA_NUMBER, AT(struct check_conf, jitter_pct), .unit = VALUE_PERCENT, .max = 50,
	 .fallback = "10%", .help = "Random part of the interval, either way, so that checks do not fall together."},
	{"rise", SCHEMA_NUMBER, AT(struct check_conf, rise), .min = 1, .max = 1000, .fallback = "2",
	 .help = "Good results in a row that bring a server back."},
	{"fall", SCHEMA_NUMBER, AT(struct check_conf, fall), .min = 1, .max = 1000, .fallback = "3",
	 .help = "Bad results in a row that take a server out."},
	{"tls_verify", SCHEMA_CHOICE, AT(struct check_conf, tls_verify), .choices = booleans, .fallback = "yes",
	 .help = "Whether the certificate must be valid for host (https)."},
	{"ca_file", SCHEMA_STRING, AT(struct check_conf, ca_file), .max = PATH_MOST, .check = value_path_fault,
	 .fallback_text = "the system's", .help = "Certificates of the authorities that are trusted (https)."},
	{}
};

static const struct schema_key memory_keys[] = {
	{"source", SCHEMA_CHOICE, AT(struct memory_conf, source), .choices = memory_sources, .fallback = "none",
	 .help = "Where a server's memory is read: from a Prometheus node_exporter, or from an agent that speaks HAProxy's agent-check."},
	{"port", SCHEMA_NUMBER, AT(struct memory_conf, port), .min = 1, .max = 65535,
	 .fallback_text = "9100 for node_exporter; agent_check has none and needs one",
	 .help = "Port of the source at the server's address."},
	{"path", SCHEMA_STRING, AT(struct memory_conf, path), .max = PATH_MOST, .check = value_url_path_fault,
	 .fallback_text = MEMORY_PATH_DEFAULT, .help = "Path and query of the request (node_exporter)."},
	{"send", SCHEMA_STRING, AT(struct memory_conf, send), .min = 1, .max = 1024, .fallback_text = "nothing",
	 .help = "Text that is sent after connecting (agent_check)."},
	{"interval", SCHEMA_NUMBER, AT(struct memory_conf, interval_ms), .unit = VALUE_MS, .min = 100, .max = 60 * MINUTE_MS,
	 .fallback = "5s", .help = "Time from one reading to the next."},
	{"timeout", SCHEMA_NUMBER, AT(struct memory_conf, timeout_ms), .unit = VALUE_MS, .min = 10, .max = 60 * MINUTE_MS,
	 .fallback_text = "2s, or interval where that is shorter",
	 .help = "Time in which the whole answer must be there. Not above interval."},
	{"stale_after", SCHEMA_NUMBER, AT(struct memory_conf, stale_after_ms), .unit = VALUE_MS,
	 .min = 100, .max = DAY_MS, .fallback_text = "3 x interval",
	 .help = "Silence after which the source no longer counts. Above interval."},
	{"soft", SCHEMA_NUMBER, AT(struct memory_conf, soft_pct), .unit = VALUE_PERCENT, .min = 1, .max = 99,
	 .fallback = "25%", .help = "Available memory below which a server's weight falls."},
	{"hard", SCHEMA_NUMBER, AT(struct memory_conf, hard_pct), .unit = VALUE_PERCENT, .min = 0, .max = 98,
	 .fallback = "8%", .help = "Available memory below which it gets no new flow while another server has room. Below soft."},
	{"floor", SCHEMA_NUMBER, AT(struct memory_conf, floor_pct), .unit = VALUE_PERCENT, .min = 1, .max = 100,
	 .fallback = "10%", .help = "Share of its weight that a server keeps between soft and hard."},
	{"forecast", SCHEMA_NUMBER, AT(struct memory_conf, forecast_ms), .unit = VALUE_MS, .min = 0, .max = DAY_MS,
	 .fallback = "10m", .help = "How far back the forecast of its end looks; it warns when less than one and a half times that is left, "
	 "and alarms nobody for the teeth of a garbage collector of up to a third of it. 0: no forecast."},
	{}
};

static const struct schema_key pool_keys[] = {
	{"max_out", SCHEMA_NUMBER, AT(struct pool_conf, max_out_pct), .unit = VALUE_PERCENT, .min = 0, .max = 100,
	 .fallback = "50%", .help = "Share of the servers that checks may take out (at least one, never the last)."},
	{"hold", SCHEMA_NUMBER, AT(struct pool_conf, hold_ms), .unit = VALUE_MS, .min = 0, .max = DAY_MS,
	 .fallback = "10s", .help = "Time that a server stays out after it was taken out; doubles on each repeat."},
	{"hold_max", SCHEMA_NUMBER, AT(struct pool_conf, hold_max_ms), .unit = VALUE_MS, .min = 0, .max = DAY_MS,
	 .fallback_text = "5m, or hold where that is longer", .help = "Longest such time. Not below hold."},
	{"slow_start", SCHEMA_NUMBER, AT(struct pool_conf, slow_start_ms), .unit = VALUE_MS, .min = 0, .max = HOUR_MS,
	 .fallback = "30s", .help = "Time in which a server that comes back, whatever kept it out, goes from its first flow to its "
	 "whole weight. Shorter when those serving fall short; 0: at once."},
	{"min_active", SCHEMA_NUMBER, AT(struct pool_conf, min_active), .min = 1, .max = MUSTER_MAX_SERVERS, .fallback = "1",
	 .help = "Active servers that must remain: with fewer, backups stand in."},
	{}
};

const struct schema_section schema_memory = {
	"memory", .keys = memory_keys, .help =
		"What a server's available memory does to its weight. Between soft and hard it falls with the memory, by "
		"at most 10 points at a reading. Neither that nor the relief below hard happens unless another server is "
		"known to have room, read since the first one fell short: above soft where its reading comes to rest by "
		"its present slope, or at its lowest in 10 minutes if it goes up and down but no lower than before, or by its "
		"last reading if it serves for less than 2 minutes. One that died twice within 10 minutes has none. Weight comes "
		"back by 5 points, or by a tenth of what was missing once memory is above soft, each step when the reading settled. "
		"Between two servers a move that had to be taken back is not made again for a while."};
static const struct schema_section server_memory_section = {
	"a server's memory", .inherits = true, .keys = memory_keys,
	.help = "Overrides the service's memory for this server: any of its keys. With another source than the service's, "
		"port, path and send are not taken over."};
static const struct schema_section check_section = {
	"check", .keys = check_keys, .help = "How the servers' health is asked."};
static const struct schema_section pool_section = {
	"pool", .keys = pool_keys, .help = "How much of the pool may be out, and how servers come back."};

static const struct schema_key server_keys[] = {
	{"name", SCHEMA_NAME, true, AT(struct server_conf, name), .check = value_name_fault,
	 .help = "Name of the server, unique in its pool."},
	{"address", SCHEMA_ADDRESS, true, AT(struct server_conf, addr), .help = "Address of the server."},
	{"port", SCHEMA_NUMBER, AT(struct server_conf, port), .min = 1, .max = 65535,
	 .fallback_text = "the service's", .help = "Port of the server."},
	{"weight", SCHEMA_NUMBER, AT(struct server_conf, weight), .min = 0, .max = SERVER_WEIGHT_MAX, .fallback = "1",
	 .help = "Its share of new flows, against the weights of the others; 0: none."},
	{"max_flows", SCHEMA_NUMBER, AT(struct server_conf, max_flows), .unit = VALUE_BINARY, .max = FLOWS_MOST,
	 .fallback = "0", .help = "Live flows that it is given at most: at the limit it is passed over, and clients are refused "
	 "when every server is at its own. 0: no limit. K and M are 1,024 and 1,048,576."},
	{"role", SCHEMA_CHOICE, AT(struct server_conf, backup), .choices = roles, .fallback = "active",
	 .help = "Whether it serves always, or stands in."},
	{"tier", SCHEMA_NUMBER, AT(struct server_conf, tier), .min = 1, .max = 9, .fallback = "1",
	 .help = "Of a backup: those of tier 1 stand in first, those of tier 2 when these are not enough, and so on."},
	{"memory", SCHEMA_SECTION, AT(struct server_conf, memory), .section = &server_memory_section,
	 .help = "Overrides of the service's memory section."},
	{}
};
const struct schema_section schema_server = {
	"a server", sizeof(struct server_conf), .keys = server_keys, .help = "One server of the pool."};

static const struct schema_key service_keys[] = {
	{"name", SCHEMA_NAME, true, AT(struct service_conf, name), .check = value_name_fault,
	 .help = "Name of the service, unique in the file."},
	{"address", SCHEMA_ADDRESS, true, AT(struct service_conf, addr), .help = "Address that clients use."},
	{"port", SCHEMA_NUMBER, true, AT(struct service_conf, port), .min = 0, .max = 65535, .zero_word = "any",
	 .help = "Port that clients use; 0 or any: every port of the address that is no service of its own."},
	{"protocol", SCHEMA_CHOICE, AT(struct service_conf, proto), .choices = protocols, .fallback = "tcp",
	 .help = "Transport protocol."},
	{"mode", SCHEMA_CHOICE, AT(struct service_conf, mode), .choices = modes, .fallback = "fullnat",
	 .help = "How packets are brought to the servers."},
	{"scheduler", SCHEMA_CHOICE, AT(struct service_conf, scheduler), .choices = schedulers,
	 .fallback = "round_robin", .help = "How new flows are shared out."},
	{"observe", SCHEMA_CHOICE, AT(struct service_conf, observe), .choices = observed, .fallback = "no",
	 .help = "Whether the servers' responses are read as plain HTTP/1, and their status classes counted; for tcp in modes fullnat and nat."},
	{"claim", SCHEMA_CHOICE, AT(struct service_conf, claim), .choices = booleans, .fallback = "no",
	 .help = "Whether the address is put on the interface at attach and taken away at detach."},
	{"on_empty", SCHEMA_CHOICE, AT(struct service_conf, on_empty), .choices = on_empty, .fallback = "reject",
	 .help = "What new flows meet when no server is left: a refusal, silence, or the host itself."},
	{"on_down", SCHEMA_CHOICE, AT(struct service_conf, on_down), .choices = on_down, .fallback = "reset",
	 .help = "Whether the flows of a server that is down are reset at their next packet."},
	{"on_memory", SCHEMA_CHOICE, AT(struct service_conf, recycles), .choices = on_memory, .fallback = "weigh",
	 .help = "What is done about a server whose available memory stays below hard."},
	{"recycle_hook", SCHEMA_STRING, AT(struct service_conf, recycle_hook), .max = PATH_MOST, .check = value_path_fault,
	 .fallback_text = "none; on_memory: recycle needs one", .help = "The program that restarts what runs on a server: run as "
	 "receivers of type exec are, with MUSTER_SERVICE, MUSTER_SERVER and MUSTER_ADDRESS, for 60 s at most. Status 0 is success."},
	{"source", SCHEMA_ADDRESSES, AT(struct service_conf, source), COUNTED(struct service_conf, n_source),
	 .max = MUSTER_MAX_SOURCES, .fallback_text = "the route's preferred source",
	 .help = "Addresses of this host from which the servers are reached (fullnat; of ipip and gue the first is the outer source)."},
	{"check", SCHEMA_SECTION, AT(struct service_conf, check), .section = &check_section,
	 .help = "How the servers' health is asked."},
	{"memory", SCHEMA_SECTION, AT(struct service_conf, memory), .section = &schema_memory,
	 .help = "What the servers' available memory does to their weight."},
	{"pool", SCHEMA_SECTION, AT(struct service_conf, pool), .section = &pool_section,
	 .help = "How much of the pool may be out, and how servers come back."},
	{"servers", SCHEMA_LIST, true, AT(struct service_conf, servers), COUNTED(struct service_conf, n_servers),
	 .max = MUSTER_MAX_SERVERS, .section = &schema_server, .help = "The pool; [] for an empty one."},
	{}
};
const struct schema_section schema_service = {
	"a service", sizeof(struct service_conf), .keys = service_keys, .help = "One service."};
static const struct schema_section interface_section = {
	"an interface", sizeof(struct interface_conf), .short_key = "name", .keys = interface_keys,
	.help = "One interface: a mapping, or its name alone."};
static const struct schema_section journal_section = {
	"journal", .keys = journal_keys, .help = "The record of every change of state, in the state folder."};
static const struct schema_section orders_section = {
	"orders", .keys = orders_keys, .help = "What operators may order."};
static const struct schema_section timeouts_section = {
	"timeouts", .keys = timeouts_keys, .help = "Idle time after which a flow is forgotten."};

static const struct schema_key file_keys[] = {
	{"state", SCHEMA_STRING, AT(struct config, state_dir), .max = PATH_MOST, .check = value_path_fault,
	 .fallback = "/var/lib/muster", .help = "Folder of the journal, the orders and the servers added by command."},
	{"socket", SCHEMA_STRING, AT(struct config, socket), .max = SOCKET_PATH_MOST, .check = value_path_fault,
	 .fallback = "/run/muster/muster.sock", .help = "Unix socket of the control API."},
	{"group", SCHEMA_STRING, AT(struct config, group), .max = 31, .check = value_name_fault,
	 .fallback = "muster", .help = "Group whose members may use the socket."},
	{"object", SCHEMA_STRING, AT(struct config, object), .max = PATH_MOST, .check = value_path_fault,
	 .fallback_text = MUSTER_LIBDIR "/muster.bpf.o", .help = "The program for the kernel."},
	{"pins", SCHEMA_STRING, AT(struct config, pins), .max = PATH_MOST, .check = value_path_fault,
	 .fallback = "/sys/fs/bpf/xdp/globals", .help = "Folder of the pinned maps; this one is also where iproute2 pins."},
	{"journal", SCHEMA_SECTION, .section = &journal_section, .help = "The record of every change of state."},
	{"orders", SCHEMA_SECTION, .section = &orders_section, .help = "What operators may order."},
	{"flows", SCHEMA_NUMBER, AT(struct config, flows), .unit = VALUE_BINARY, .min = 1 << 10, .max = FLOWS_MOST,
	 .fallback = "256K", .help = "Flows that the flow table has room for; its memory is in 'muster show stats'. K and M are 1,024 and "
	 "1,048,576."},
	{"timeouts", SCHEMA_SECTION, .section = &timeouts_section, .help = "Idle time after which a flow is forgotten."},
	{"protections", SCHEMA_CHOICE, AT(struct config, protections), .choices = protections, .fallback = "on",
	 .help = "Whether Muster keeps a pool from falling over what people, servers and packets do to it."},
	{"interfaces", SCHEMA_LIST, AT(struct config, interfaces), COUNTED(struct config, n_interfaces),
	 .max = CONFIG_MAX_INTERFACES, .section = &interface_section, .fallback_text = "those that carry the program already",
	 .help = "Interfaces to which the program is attached."},
	{"alerts", SCHEMA_SECTION, AT(struct config, alerts), .section = &schema_alerts,
	 .help = "When the receivers are told of what is wrong."},
	{"receivers", SCHEMA_LIST, AT(struct config, receivers), COUNTED(struct config, n_receivers),
	 .max = CONFIG_MAX_RECEIVERS, .section = &schema_receiver, .fallback_text = "none: alerts are listed, but nobody is told",
	 .help = "Whom alerts are told."},
	{"services", SCHEMA_LIST, true, AT(struct config, services), COUNTED(struct config, n_services),
	 .max = MUSTER_MAX_SERVICES, .section = &schema_service, .help = "The services; [] for none."},
	{}
};
/* clang-format on */

const struct schema_section schema_file = {"the file", .keys = file_keys, .help = "Keys of the whole file."};

const struct schema_key *schema_find(const struct schema_section *section, const char *name)
{
	for (const struct schema_key *key = section->keys; key->name; key++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}

static void clear_list(const struct schema_key *key, void *base)
{
	char **list = (char **)((char *)base + key->offset);
	size_t *n = (size_t *)((char *)base + key->count_offset);

	for (size_t i = 0; i < *n; i++)
		schema_clear(key->section, *list + i * key->section->size);
	free(*list);
	*list = NULL;
	*n = 0;
}

void schema_clear(const struct schema_section *section, void *base)
{
	for (const struct schema_key *key = section->keys; key->name; key++) {
		void *at = (char *)base + key->offset;

		if (key->type == SCHEMA_SECTION)
			schema_clear(key->section, at);
		else if (key->type == SCHEMA_LIST)
			clear_list(key, base);
		else if (key->type == SCHEMA_STRING)
			freep(at);
	}
}

int schema_copy(const struct schema_key *key, void *to_base, const void *from_base)
{
	void *to = (char *)to_base + key->offset;
	const void *from = (const char *)from_base + key->offset;

	if (key->type == SCHEMA_STRING) {
		const char *text = *(char *const *)from;
		char *copy = text ? strdup(text) : NULL;

		if (text && !copy)
			return -ENOMEM;
		free(*(char **)to);
		*(char **)to = copy;
		return 0;
	}
	memcpy(to, from, key->width);
	return 0;
}
