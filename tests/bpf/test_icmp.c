/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors about flows reach the one whom they concern, and quote what that one sent, byte for byte. (Katran K4: drops
 * those that quote no more than RFC 792 asks for; K2: answers echo requests to any address.)
 */
#include <arpa/inet.h>

#include "harness.h"

#define CLIENT_PORT 40000

struct variant {
	int family, proto;
	enum muster_mode mode;
	uint16_t nat_port; /* the client's port as the server sees it */
};

static struct frame frame;

/* A flow of the client with WEB_01, of which the client has sent one packet. */
static struct variant flow_make(int family, int proto, enum muster_mode mode)
{
	struct variant v = {family, proto, mode, 0};
	struct packet in = {.family = family,
			    .proto = proto,
			    .from = CLIENT,
			    .to = VIP,
			    .sport = CLIENT_PORT,
			    .dport = SERVICE_PORT,
			    .flags = SYN,
			    .seq = 1000};
	struct outcome outcome;

	bench_reset(NULL);
	pool_make(family, mode);
	outcome = expect("the client's first packet", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	v.nat_port = source_port(&outcome.frame);
	return v;
}

/* What the client sent, as it left the balancer (`at_server`), or as it came. */
static struct packet request(const struct variant *v, bool at_server)
{
	struct packet p = {.family = v->family,
			   .proto = v->proto,
			   .from = CLIENT,
			   .to = VIP,
			   .sport = CLIENT_PORT,
			   .dport = SERVICE_PORT,
			   .flags = ACK,
			   .seq = 1000,
			   .payload = 100};

	if (!at_server)
		return p;
	p.from = v->mode == MUSTER_MODE_FULLNAT ? SOURCE : CLIENT;
	p.sport = v->nat_port;
	p.to = WEB_01;
	p.dport = SERVER_PORT;
	return p;
}

/* The same the other way. */
static struct packet answer(const struct variant *v, bool at_client)
{
	struct packet p = request(v, !at_client), back = p;

	back.from = p.to;
	back.sport = p.dport;
	back.to = p.from;
	back.dport = p.sport;
	return back;
}

static void check_error(const char *what, unsigned ifindex, const struct icmp_error *in, enum muster_verdict wanted,
			const struct icmp_error *out)
{
	struct outcome outcome = run_on(ifindex, error_build(&frame, in));

	check_verdict(&outcome, wanted, what);
	check_frame(&outcome.frame, error_build(&frame, out), what);
}

static struct packet as_in(const struct icmp_error *like, struct packet quoted)
{
	quoted.ip_options = like->quoted.ip_options;
	quoted.no_checksum = like->quoted.no_checksum;
	return quoted;
}

/* An error about what went to the server: from it, or from a router on the way. `like` says what is quoted, and how. */
static void to_client(const struct variant *v, enum role from, struct icmp_error like)
{
	struct icmp_error in = like, out = like;

	in.quoted = as_in(&like, request(v, true));
	in.from = from;
	in.to = in.quoted.from;
	in.mac_from = role_mac(WEB_01);
	in.mac_to = role_mac(SOURCE);
	out.quoted = as_in(&like, request(v, false));
	out.from = from == WEB_01 ? VIP : from;
	out.to = CLIENT;
	out.mac_from = role_mac(VIP);
	out.ttl = 63;
	check_error("an error from the server's side", back, &in, MUSTER_VERDICT_TO_CLIENT, &out);
}

/* An error about what went to the client: from it, or from a router on the way. */
static void to_server(const struct variant *v, enum role from, struct icmp_error like)
{
	struct icmp_error in = like, out = like;

	in.quoted = as_in(&like, answer(v, true));
	in.from = from;
	in.to = VIP;
	in.mac_from = role_mac(CLIENT);
	out.quoted = as_in(&like, answer(v, false));
	out.from = v->mode == MUSTER_MODE_FULLNAT ? SOURCE : from;
	out.to = WEB_01;
	out.mac_from = role_mac(SOURCE);
	out.ttl = 63;
	check_error("an error from the client's side", front, &in, MUSTER_VERDICT_TO_SERVER, &out);
}

/* Both families, protocols and modes; both ways; from the ends and from a router. */
static void each_way(struct icmp_error like)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (unsigned i = 0; i < 8; i++) {
		struct variant v =
			flow_make(i & 1 ? 6 : 4, protos[i >> 1 & 1], i >> 2 ? MUSTER_MODE_NAT : MUSTER_MODE_FULLNAT);

		like.type = v.family == 6 ? 2 : 3;
		like.code = v.family == 6 ? 0 : 4;
		to_client(&v, STRANGER, like);
		to_client(&v, WEB_01, like);
		to_server(&v, STRANGER, like);
		to_server(&v, CLIENT, like);
	}
}

/* "Fragmentation needed", and "packet too big", with the 8 bytes behind the quoted header that every router sends. */
static void test_k4_path_mtu_by_the_rfc_792_minimum(void **state)
{
	(void)state;
	each_way((struct icmp_error){.rest = 1400});
}

/* TCP's checksum begins at byte 16: quotes that end before it, behind it, and with the whole packet. */
static void test_quotes_of_every_length(void **state)
{
	static const unsigned bytes[] = {9, 15, 16, 18, 19, 20, 28, 64, 200};

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		each_way((struct icmp_error){.rest = 1280, .quoted_bytes = bytes[i]});
	/* Half a checksum cannot be translated, and stays; so does UDP's 0, "no checksum". */
	each_way((struct icmp_error){.quoted_bytes = 17, .quoted.no_checksum = true});
}

static void test_vlan_tags_stay(void **state)
{
	(void)state;
	each_way((struct icmp_error){.tags = 1});
	each_way((struct icmp_error){.tags = 2, .quoted_bytes = 28});
}

static void test_ipv4_options_outside_and_quoted(void **state)
{
	static const unsigned outside[] = {0, 8, 40, 40}, quoted[] = {40, 4, 0, 40};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct variant v = flow_make(4, i & 1 ? IPPROTO_UDP : IPPROTO_TCP, MUSTER_MODE_FULLNAT);
		struct icmp_error like = {.type = 3,
					  .code = 4,
					  .rest = 1300,
					  .tags = i / 2 * 2,
					  .ip_options = outside[i],
					  .quoted = {.ip_options = quoted[i]},
					  .quoted_bytes = 18};

		to_client(&v, STRANGER, like);
		to_server(&v, STRANGER, like);
	}
}

static void test_every_kind_of_error(void **state)
{
	static const struct {
		int family;
		uint8_t type, code;
	} errors[] = {{4, 3, 0}, {4, 3, 1}, {4, 3, 13}, {4, 11, 0}, {4, 11, 1}, {4, 12, 0},
		      {6, 1, 0}, {6, 1, 6}, {6, 3, 0},  {6, 3, 1},  {6, 4, 0},  {6, 4, 2}};

	(void)state;
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct variant v = flow_make(errors[i].family, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
		struct icmp_error like = {.type = errors[i].type, .code = errors[i].code, .quoted_bytes = 28};

		to_client(&v, STRANGER, like);
		to_server(&v, CLIENT, like);
	}
}

/* Many ports: the carries of all the checksums get their turn. */
static void test_checksums_of_many_flows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct variant v = flow_make(i ? 6 : 4, IPPROTO_UDP, MUSTER_MODE_FULLNAT);

		for (unsigned k = 0; k < 1000; k++) {
			struct packet in = request(&v, false);
			struct icmp_error error = {.from = STRANGER,
						   .to = SOURCE,
						   .type = i ? 1 : 3,
						   .rest = k * 77777,
						   .quoted = request(&v, true)},
					  out = error;
			struct outcome outcome;

			in.sport = 1 + k * 59;
			outcome = expect("a datagram", &in, MUSTER_VERDICT_TO_SERVER, NULL);
			error.quoted.sport = source_port(&outcome.frame);
			error.quoted.to = k & 1 ? WEB_01 : WEB_02;
			out.quoted = in;
			out.to = CLIENT;
			out.ttl = 63;
			out.mac_from = role_mac(VIP);
			check_error("an error", back, &error, MUSTER_VERDICT_TO_CLIENT, &out);
		}
	}
}

static void test_ttl_used_up(void **state)
{
	struct variant v = flow_make(4, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
	struct icmp_error in = {
		.from = STRANGER, .to = SOURCE, .type = 3, .code = 4, .ttl = 1, .quoted = request(&v, true)};
	struct outcome outcome = run_on(back, error_build(&frame, &in));

	(void)state;
	check_verdict(&outcome, MUSTER_VERDICT_TTL_EXCEEDED, "an error with TTL 1");
	assert_int_equal(outcome.action, XDP_DROP);
}

/* Direct return: the server answered by itself, so errors about its answers go to it as they came. */
static void test_direct_return(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct variant v = flow_make(i ? 6 : 4, IPPROTO_TCP, MUSTER_MODE_DR);
		struct icmp_error in = {.from = STRANGER,
					.to = VIP,
					.type = i ? 2 : 3,
					.code = i ? 0 : 4,
					.rest = 1400,
					.quoted = answer(&v, true)},
				  out = in;

		out.mac_from = role_mac(SOURCE);
		out.mac_to = role_mac(WEB_01);
		check_error("an error about direct return", front, &in, MUSTER_VERDICT_TO_SERVER, &out);
	}
}

/* Errors leave a flow as it is, whatever they say; only a server's own about its SYN is noted, for the server. */
static void test_only_the_servers_refusal_of_its_syn_counts(void **state)
{
	static const struct {
		enum role from;
		uint8_t type, code;
		uint32_t seq;
		unsigned refused;
	} errors[] = {{STRANGER, 3, 3, 1000, 0}, {WEB_01, 3, 1, 1000, 0}, {WEB_01, 11, 3, 1000, 0},
		      {WEB_01, 3, 3, 1001, 0},   {WEB_01, 3, 3, 1000, 1}, {WEB_01, 3, 2, 1000, 2}};
	struct variant v = flow_make(4, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
	struct packet syn = request(&v, false);
	struct muster_event event;
	struct muster_flow before;
	struct found found;
	uint64_t tag;

	(void)state;
	assert_true(flow_get(&syn, &found));
	before = *found.flow;
	tag = *found.tag;
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct icmp_error in = {.from = errors[i].from,
					.to = SOURCE,
					.type = errors[i].type,
					.code = errors[i].code,
					.quoted = request(&v, true)};
		struct outcome outcome;

		in.quoted.seq = errors[i].seq;
		outcome = run_on(back, error_build(&frame, &in));
		check_verdict(&outcome, MUSTER_VERDICT_TO_CLIENT, "an error about a SYN");
		assert_int_equal(signals_of(1).refused, errors[i].refused);
		assert_int_equal(event_get(&event), i > 0 && errors[i].refused > errors[i - 1].refused);
	}
	assert_int_equal(event.kind, MUSTER_EVENT_REFUSED);
	assert_int_equal(event.tuple.sport, htons(CLIENT_PORT));
	assert_memory_equal(found.flow, &before, sizeof(before));
	assert_true(*found.tag == tag);
	assert_int_equal(picks_turn(WEB), 1);
	assert_int_equal(flow_count(), 2);
}

/* Once the server has answered, an error from it is no refusal any more. */
static void test_no_refusal_after_the_handshake(void **state)
{
	struct variant v = flow_make(6, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
	struct icmp_error in = {.from = WEB_01, .to = SOURCE, .type = 1, .code = 4, .quoted = request(&v, true)};
	struct packet syn_ack = answer(&v, false);
	struct outcome outcome;

	(void)state;
	run_on(back, error_build(&frame, &in));
	assert_int_equal(signals_of(1).refused, 1);
	syn_ack.flags = SYN | ACK;
	syn_ack.seq = 5000;
	syn_ack.ack = 1001;
	syn_ack.payload = 0;
	expect("the server's SYN/ACK", &syn_ack, MUSTER_VERDICT_TO_CLIENT, NULL);
	outcome = run_on(back, error_build(&frame, &in));
	check_verdict(&outcome, MUSTER_VERDICT_TO_CLIENT, "an error after the SYN/ACK");
	assert_int_equal(signals_of(1).refused, 1);
}

/* Echo requests and replies to every kind of address, the service's included. */
static void test_k2_echo_is_the_hosts(void **state)
{
	static const enum role to[] = {VIP, VIP_B, HOST, SOURCE, WEB_01, STRANGER};

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		struct variant v = flow_make(i & 1 ? 6 : 4, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
		bool reply = i & 2;
		struct icmp_error echo = {.from = CLIENT,
					  .to = to[i / 4],
					  .type = v.family == 6 ? (reply ? 129 : 128) : (reply ? 0 : 8),
					  .rest = 0x12340001,
					  .quoted = answer(&v, true),
					  .quoted_bytes = 64};

		expect_passed("an echo", error_build(&frame, &echo), MUSTER_VERDICT_NOT_TRANSPORT);
	}
}

/* No flow of ours, or nobody whom its error could concern. */
static void test_errors_about_others_pass(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct variant v = flow_make(i ? 6 : 4, IPPROTO_TCP, MUSTER_MODE_FULLNAT);
		struct icmp_error right = {
			.from = STRANGER, .to = VIP, .type = i ? 2 : 3, .code = 0, .quoted = answer(&v, true)};
		struct icmp_error wrong[6];

		for (unsigned k = 0; k < 6; k++)
			wrong[k] = right;
		wrong[0].quoted.dport++;                   /* another port of the client's */
		wrong[1].quoted.from = wrong[1].to = HOST; /* the host's own connection */
		wrong[2].quoted = request(&v, false);      /* quoted the wrong way round */
		wrong[2].to = CLIENT;
		wrong[3].to = HOST; /* not sent to whom the packet came from */
		wrong[4].quoted.proto = IPPROTO_UDP;
		wrong[5].type = i ? 5 : 4; /* source quench; not assigned */
		for (unsigned k = 0; k < 6; k++)
			expect_passed("an error about another's packet", error_build(&frame, &wrong[k]),
				      MUSTER_VERDICT_NOT_TRANSPORT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_k4_path_mtu_by_the_rfc_792_minimum, bench_reset),
		cmocka_unit_test_setup(test_quotes_of_every_length, bench_reset),
		cmocka_unit_test_setup(test_vlan_tags_stay, bench_reset),
		cmocka_unit_test_setup(test_ipv4_options_outside_and_quoted, bench_reset),
		cmocka_unit_test_setup(test_every_kind_of_error, bench_reset),
		cmocka_unit_test_setup(test_checksums_of_many_flows, bench_reset),
		cmocka_unit_test_setup(test_ttl_used_up, bench_reset),
		cmocka_unit_test_setup(test_direct_return, bench_reset),
		cmocka_unit_test_setup(test_only_the_servers_refusal_of_its_syn_counts, bench_reset),
		cmocka_unit_test_setup(test_no_refusal_after_the_handshake, bench_reset),
		cmocka_unit_test_setup(test_k2_echo_is_the_hosts, bench_reset),
		cmocka_unit_test_setup(test_errors_about_others_pass, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
