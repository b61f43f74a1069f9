// SPDX-License-Identifier: GPL-2.0-or-later
#include "grammar.h"

#include "cli.h"

static const char *const color_words[] = {"auto", "always", "never", NULL};
static const char *const mode_words[] = {"auto", "native", "generic", NULL};
static const char *const proto_words[] = {"tcp", "udp", NULL};
static const char *const flag_words[] = {"syn", "ack", "fin", "rst", NULL};
static const char *const name_words[] = {"servers", "services", "qualified", NULL};

/* clang-format off */
static const struct cli_option
	json       = {"json", 'j', .help = "print the agent's JSON document as it is"},
	color      = {"color", 0, VALUE_WORD, "WHEN", color_words, "auto",
		      .help = "colour the words for states: auto, always or never"},
	socket     = {"socket", 0, VALUE_FILE, "PATH", .help = "the agent's control socket (" CLI_SOCKET ")"},
	as         = {"as", 0, VALUE_TEXT, "NAME", .help = "who asks, as a claim beside the user id"},
	help       = {"help", 'h', .help = "print help"},
	version    = {"version", 'V', .help = "print the version"},
	man        = {"man", 0, .hidden = true, .help = "write this man page"},
	completion = {"completion", 0, .hidden = true, .help = "write the bash completion"},
	playbook   = {"playbook", 0, .hidden = true, .help = "write the man page muster-playbook(7)"},
	names      = {"names", 0, VALUE_WORD, "WHAT", name_words, .hidden = true,
		      .help = "print the names of servers or services, or SERVICE/SERVER, one a line"},

	all     = {"all", 'a', .help = "those that no packet met, too"},
	server  = {"server", 's', VALUE_SERVER, "SERVER", .help = "only this server's"},
	client  = {"client", 'c', VALUE_ADDRESS, "ADDRESS", .help = "only this client's"},
	most    = {"most", 'n', VALUE_COUNT, "N", .preset = "100", .help = "at most so many"},
	follow  = {"follow", 'f', .help = "go on printing them as they happen"},
	since   = {"since", 0, VALUE_COUNT, "SEQ", .help = "only those after this sequence number"},
	for_    = {"for", 0, VALUE_DURATION, "DURATION", .preset = "1h",
		   .help = "how long: 90s, 30m, 2h, 1d; at its end the server returns if it is healthy"},
	reason  = {"reason", 0, VALUE_TEXT, "TEXT", .required = true, .help = "why, for those who find it"},
	indefinitely = {"indefinitely", 0, .help = "without an end, in place of --for; a reminder comes each hour"},
	no_recall = {"no-recall", 0, .help = "keep it out even if the servers left fall short"},
	wait    = {"wait", 'w', .help = "show its connections fall, and return when none is open any more"},
	kill    = {"then-kill-after", 0, VALUE_DURATION, "DURATION", .help = "reset the connections that are left then"},
	each    = {"each", 0, VALUE_DURATION, "DURATION", .preset = "60s", .help = "how long each server is out, at most 1h"},
	exec    = {"exec", 0, VALUE_TEXT, "COMMAND", .help = "what to run between: a line for sh, with MUSTER_SERVER set"},
	recycle_reason = {"reason", 0, VALUE_TEXT, "TEXT", .preset = "recycle", .help = "why, for those who find it"},
	ack_for = {"for", 0, VALUE_DURATION, "DURATION", .preset = "1h", .help = "how long: 30m, 2h, at most 24h"},
	force   = {"force", 0, .help = "undo another owner's order as well"},
	override = {"force", 0, .help = "even where the servers left may not carry it; never the last one"},
	offline = {"offline", 0, .help = "without an agent: shares, what is left without each server, single points of failure"},
	unattended = {"offline", 0, .help = "without an agent: what the maps and its files hold, how old that is, and who is in charge"},
	by_hand = {"offline", 0, .help = "without an agent: into the maps at once, and into its files for the next one; by root"},
	state   = {"state", 0, VALUE_FILE, "DIR", .help = "musterd's state folder, for --offline; else the configuration's"},
	left    = {"state", 0, VALUE_FILE, "DIR", .help = "musterd's state folder, for when no agent answers; else the configuration's"},
	within  = {"confirm-within", 0, VALUE_DURATION, "DURATION",
		   .help = "on trial: rolled back by itself unless muster confirm comes in time"},
	dry_run = {"dry-run", 0, .help = "only say what the capacity gate answers, and why"},
	service = {"service", 0, VALUE_SERVICE, "SERVICE", .required = true, .help = "the service that it joins"},
	address = {"address", 0, VALUE_ADDRESS, "ADDRESS", .required = true, .help = "the server's address"},
	port    = {"port", 0, VALUE_PORT, "PORT", .help = "the server's port, where it is not the service's"},
	weight  = {"weight", 0, VALUE_WEIGHT, "N", .preset = "1", .help = "its weight, 0 to 256"},
	mode    = {"mode", 0, VALUE_WORD, "MODE", mode_words, "auto",
		   .help = "native (in the driver), generic (any device), or auto: native where it works"},
	from    = {"from", 0, VALUE_ENDPOINT, "ADDRESS:PORT", .required = true, .help = "who sends the packet"},
	to      = {"to", 0, VALUE_ENDPOINT, "ADDRESS:PORT", .required = true, .help = "to which address and port"},
	proto   = {"proto", 0, VALUE_WORD, "PROTOCOL", proto_words, "tcp", .help = "tcp or udp"},
	flags   = {"flags", 0, VALUE_WORD, "FLAG", flag_words, "syn",
		   .help = "of a TCP packet: syn, which opens a connection, or ack, fin or rst, as inside one"},
	in      = {"in", 0, VALUE_INTERFACE, "DEV", .help = "where it comes in; else by the way to its sender"},
	from_when = {"since", 0, VALUE_TEXT, "WHEN", .preset = "1h ago", .help = "'2h ago', 14:05, or '2026-11-20 14:05'"},
	until   = {"until", 0, VALUE_TEXT, "WHEN", .help = "likewise; else until now"},
	output  = {"output", 'o', VALUE_FILE, "FILE", .help = "write it there, whole or not at all, and its chart beside it"},
	expect  = {"expect", 0, VALUE_TEXT, "SERVER,...", .help = "these servers have to serve with all their weight"},
	object  = {"object", 0, VALUE_FILE, "FILE", .help = "the program to load, without asking the agent"},
	pins    = {"pins", 0, VALUE_FILE, "DIR", .help = "the folder of the pinned maps, without asking the agent"};

const struct cli_option *const cli_globals[] = {
	&json, &color, &socket, &as, &help, &version, &man, &playbook, &completion, &names, NULL};

const struct cli_command cli_commands[] = {
	{{"status"}, .options = {&unattended, &state, &pins}, .run = run_status,
	 .help = "services, servers and what is wrong (also without a command)"},
	{{"show", "services"}, .options = {&unattended, &state, &pins}, .run = run_show_services, .help = "one line per service"},
	{{"show", "servers"}, .options = {&unattended, &state, &pins}, .run = run_show_servers,
	 .help = "one line per server of each service"},
	{{"show", "server"}, {{VALUE_SERVER, "SERVER"}}, {&unattended, &state, &pins}, .run = run_show_server,
	 .help = "one server in words: what, why, since when, until when"},
	{{"show", "flows"}, .options = {&server, &client, &most}, .run = run_show_flows,
	 .help = "live connections"},
	{{"show", "picks"}, {{VALUE_SERVICE, "SERVICE"}}, {&unattended, &state, &pins}, .run = run_show_picks,
	 .help = "a service's table: which server has how many slots",
	 .detail = "A new flow takes one slot: the next in turn, or the one that the scheduler's hash or count of live flows "
		   "says (scheduler in musterd.conf(5)). With --json the slots themselves are there too, each as a place in "
		   "the list of servers."},
	{{"show", "verdicts"}, .options = {&all}, .run = run_show_verdicts,
	 .help = "packets by verdict: each way to leave the program, and what was done"},
	{{"show", "stats"}, .run = run_show_stats, .help = "packets by verdict, memory of the maps, probes"},
	{{"show", "events"}, .options = {&most, &since}, .run = run_show_events, .help = "the latest changes of state"},
	{{"drain"}, {{VALUE_SERVER, "SERVER"}}, {&for_, &indefinitely, &reason, &no_recall, &wait, &kill, &override, &dry_run}, run_drain,
	 "give a server no new connections for a while",
	 "Its live connections go on. The last server of a service is refused, and so is what the servers left would not carry: "
	 "what they carried in the last day, their max_flows and their memory answer yes, no or unknown. Unknown is a warning "
	 "where a healthy server with memory above its soft mark stays. The order is a lease: it ends by itself, and "
	 "until then it belongs to who gave it. It is recalled, and the server serves again at once, when the servers left "
	 "refuse, go down, or are short of memory, so that less than half of the pool is well; --no-recall forbids that. With "
	 "--wait the command ends when the last connection did, or with status 2 when the order ended before."},
	{{"maintenance"}, {{VALUE_SERVER, "SERVER"}}, {&for_, &indefinitely, &reason, &wait, &kill, &override, &dry_run}, run_maintenance,
	 "take a server out to work on it",
	 "Like a drain, but never recalled; and that the server is down meanwhile is no news."},
	{{"return"}, {{VALUE_SERVER, "SERVER"}}, {&force, &by_hand, &state, &pins}, run_return, "end the orders on a server",
	 "An order is undone by its owner, or by anybody with --force. With --offline, while no musterd runs, it gets its whole weight "
	 "at once, for nobody is there for a slow start or a check; of a backup the order is over, and it stands in when a musterd says "
	 "so. One that was not healthy when a musterd last looked stays out, but for --force."},
	{{"weight"}, {{VALUE_SERVER, "SERVER"}, {VALUE_WEIGHT, "N"}}, {&for_, &indefinitely, &reason, &override, &dry_run}, run_weight,
	 "give a server another weight for a while", "Where several orders stand, the lowest weight acts."},
	{{"recycle"}, {{VALUE_SERVER, "SERVER"}}, {&exec, &for_, &recycle_reason}, run_recycle,
	 "drain a server, restart what runs there, and take it back",
	 "Drains it, waits until no connection is open, takes it into maintenance, runs the command, waits until a check after "
	 "that passes and memory is above its soft mark, and returns it. Refused while another server of its pool is out by "
	 "an order. Without --exec it waits for somebody else to do it. Where it stops on the way, the lease ends by itself. "
	 "A service whose configuration says on_memory: recycle has it done by Muster: musterd.conf(5)."},
	{{"rehearse"}, {{VALUE_SERVICE, "SERVICE"}}, {&each}, run_rehearse,
	 "take each of its servers out in turn: does the rest carry it?",
	 "Each is drained for a while under the load that there is, by a lease of its own, and comes back by slow start before the "
	 "next one goes. What the rest carried meanwhile is scaled to the peak of the last day: live connections, memory, "
	 "max_flows. Begins only when every server serves with its declared weight, no order stands, no alert is open and the "
	 "capacity gate answers yes. Broken off, and the server back at once, when the rest passes a limit: memory's soft mark or "
	 "its forecast, max_flows, health, more connections that fail. Status 0: the rest would carry the peak without any one of them; 1: "
	 "without one it would not, or nobody knows; 3: refused or broken off. The agent runs it: interrupted, this command ends "
	 "it; killed, it goes on to its end. The unit muster-rehearse@SERVICE.timer does it once a week."},
	{{"lease", "list"}, .options = {&unattended, &state, &pins}, .run = run_lease_list, .help = "every order: whose, why, and how long it still lasts"},
	{{"lease", "extend"}, {{VALUE_COUNT, "LEASE"}}, {&for_, &indefinitely, &force}, run_lease_extend,
	 "give an order a later end", "LEASE is its number in 'muster lease list'; DURATION counts from now."},
	{{"lease", "release"}, {{VALUE_COUNT, "LEASE"}}, {&force}, run_lease_release, "end one order",
	 "Where others stand on the same server, they still hold it."},
	{{"add"}, {{VALUE_TEXT, "NAME"}}, {&service, &address, &port, &weight}, run_add, "add a server to a service",
	 "It is kept over restarts, beside the configuration file, which is not changed."},
	{{"remove"}, {{VALUE_SERVER, "SERVER"}}, {&override, &dry_run}, .run = run_remove, .help = "take a server out of its service",
	 .detail = "It is kept over restarts, beside the configuration file, which is not changed."},
	{{"attach"}, {{VALUE_INTERFACE, "DEV"}}, {&mode, &object, &pins}, run_attach,
	 "put the program on an interface",
	 "Works without an agent too, by root; with no service in the maps every packet passes. Where the driver refuses, "
	 "the answer names what to run; auto then takes generic mode, which costs several times the CPU time a packet. "
	 "An MTU that one page does not hold gets the program's entry for jumbo frames."},
	{{"detach"}, {{VALUE_INTERFACE, "DEV"}}, {&pins}, run_detach, "take the program off an interface",
	 "Works without an agent too, by root. The interface's connections through the balancer end."},
	{{"upgrade"}, {{VALUE_FILE, "OBJECT", true}}, {&pins}, run_upgrade,
	 "put another version of the program on every interface that carries one",
	 "Each is replaced in one step over the same maps: connections go on, no packet is lost, and its mode stays. "
	 "Works without an agent too, by root. An object that is not for these maps is refused with what differs. Without "
	 "OBJECT it is the one that musterd is configured with, or the installed one; musterd puts that one on again when "
	 "it starts, so install what is to stay."},
	{{"why"}, .options = {&from, &to, &proto, &flags, &in, &object, &pins}, .run = run_why,
	 .help = "what the program would do with a packet, stage by stage, and for what reason",
	 .detail = "The program itself is asked, loaded a second time over the same maps with its read-only switch on: no packet "
		   "is sent, no turn is taken, nothing is counted. For a flow that there is: its server, state and source port; for "
		   "a new one those that it would get now. Works without an agent too; by root."},
	{{"audit"}, .options = {&expect, &unattended, &state, &pins}, .run = run_audit,
	 .help = "what is not as it was declared: orders, tables, packets, interfaces",
	 .detail = "The declared servers against the orders, the kernel's tables and the packets that were counted, as musterd saw "
		   "them within the last second. Of a round robin with fewer than 8 new connections in half a minute the shares are unknown: "
		   "what its servers' connections carry is told instead. Ends with 3 where a finding is critical. With --expect it ends with 0 only where those servers are healthy "
		   "and serve with all their weight: for the end of a test, or of a day. With --offline "
		   "all is read at that moment, packets are not counted, an order whose time is over is one that nobody ends, and a "
		   "weight that is low is one that nobody raises."},
	{{"postmortem"}, .options = {&from_when, &until, &output}, .run = run_postmortem,
	 .help = "what happened in a period, as a document: impact, timeline, causes",
	 .detail = "Markdown, or with --json the agent's document. Made from the journal, whose latest 4,096 lines are at hand, and from "
		   "what each server carried in each minute of the last hour and each hour of the last day. With -o a chart is written "
		   "beside the Markdown (not with --json, nor when there is no figure to draw): FILE.svg, or outage.svg beside outage.md. A "
		   "cause is a candidate: beside it stands the evidence."},
	{{"check"}, .options = {&expect, &left, &pins}, .run = run_check,
	 .help = "one line for a monitoring system, with figures",
	 .detail = "A monitoring plugin: ends with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN), and prints figures behind a "
		   "bar. Works without an agent too, by root: that is CRITICAL, and the line says what 'muster audit --offline' finds in the "
		   "maps and the state folder, such as an order whose time is over."},
	{{"events"}, .options = {&follow, &most, &since}, .run = run_events,
	 .help = "changes of state, with -f as they happen"},
	{{"alerts"}, .run = run_alerts, .help = "what is wrong and who was told, and the receivers",
	 .detail = "Each has a section in muster-playbook(7): what it means, and what to type."},
	{{"ack"}, {{VALUE_COUNT, "NUMBER"}}, {&ack_for}, run_ack, "acknowledge an alert: somebody looks after it",
	 "Nobody is told of it again while the acknowledgement lasts. It is a lease: at its end an alert that is still open is "
	 "told again."},
	{{"alert", "test"}, {{VALUE_TEXT, "RECEIVER"}}, .run = run_alert_test,
	 .help = "send a test to a receiver, and say what it answered"},
	{{"reload"}, .run = run_reload, .help = "read the configuration file again",
	 .detail = "On a fault the old configuration stays in force, and so it does when the capacity gate refuses the change, or "
		   "when it takes servers out that serve now and the gate does not know that the rest carries it: 'muster apply' "
		   "takes such a change."},
	{{"plan"}, {{VALUE_FILE, "FILE"}}, {&offline}, run_plan, "what a configuration would change, and whether the rest carries it",
	 "Server by server: weight and share before and after, what is left without each, and what the capacity gate says. Status "
	 "3: it is refused, or, with --offline, a service would rest on one server; 1: the file has faults. With --offline no agent "
	 "is asked and no right needed."},
	{{"apply"}, {{VALUE_FILE, "FILE"}}, {&within, &override}, run_apply, "put a configuration in force, on trial or for good",
	 "The agent keeps it, with the nine before it, and runs it again after a restart as long as its own file is not edited. On "
	 "trial it is rolled back when nobody confirms in time, even if musterd was away then, and at once when, over 10 s with at "
	 "least 50 new connections, more than twice as many fail as in the 5 minutes before, and 5 points more. Orders given "
	 "meanwhile stay."},
	{{"confirm"}, .run = run_confirm, .help = "keep the configuration that is on trial"},
	{{"rollback"}, .options = {&override}, .run = run_rollback, .help = "go back to the configuration before",
	 .detail = "Said again, to the one before that; the last ten are kept."},
	{{"help"}, {{VALUE_COMMAND, "COMMAND", true, true}}, .run = run_help, .help = "what a command takes"},
	{{"version"}, .run = run_version, .help = "print the version"},
};
/* clang-format on */
const size_t cli_n_commands = ARRAY_SIZE(cli_commands);
