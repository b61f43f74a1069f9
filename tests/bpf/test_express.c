/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The express lane and the whole way do the same. A packet with a VLAN tag is not plain, and takes the whole way: what becomes
 * of it must be what becomes of the same packet without the tag, byte for byte, and be counted alike.
 */
#include <stdlib.h>

#include "harness.h"

#define PACKETS 400

struct flow_of {
	int family, proto;
	enum muster_mode mode;
	uint16_t port; /* of the client as the server sees it */
};

static struct packet from_client(const struct flow_of *f, uint8_t flags)
{
	return (struct packet){.family = f->family,
			       .proto = f->proto,
			       .from = CLIENT,
			       .to = VIP,
			       .sport = 40000,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = flags == SYN ? 1000 : 1001,
			       .ack = flags == SYN ? 0 : 5001};
}

static struct packet from_server(const struct flow_of *f, uint8_t flags)
{
	return (struct packet){.family = f->family,
			       .proto = f->proto,
			       .from = WEB_01,
			       .to = f->mode == MUSTER_MODE_FULLNAT ? SOURCE : CLIENT,
			       .mac_to = role_mac(SOURCE),
			       .sport = SERVER_PORT,
			       .dport = f->port,
			       .flags = flags,
			       .seq = flags & SYN ? 5000 : 5001,
			       .ack = 1001};
}

/* A proven flow: TCP by its handshake, UDP by more than one answer. */
static void prove(struct flow_of *f)
{
	struct packet p = from_client(f, SYN);
	struct outcome outcome = expect("the first packet", &p, MUSTER_VERDICT_TO_SERVER, NULL);

	f->port = source_port(&outcome.frame);
	for (int i = 0; i < 3; i++) {
		p = from_server(f, i ? ACK : SYN | ACK);
		expect("an answer", &p, MUSTER_VERDICT_TO_CLIENT, NULL);
		p = from_client(f, ACK);
		expect("one more of the client's", &p, MUSTER_VERDICT_TO_SERVER, NULL);
	}
}

static void strip_tag(struct frame *frame)
{
	memmove(frame->data + 12, frame->data + 16, frame->size - 16);
	frame->size -= 4;
}

static void check_traffic(const struct muster_stats *plain, const struct muster_stats *tagged, unsigned n)
{
	assert_int_equal(plain->packets_in + plain->packets_out, n);
	assert_int_equal(tagged->packets_in, plain->packets_in);
	assert_int_equal(tagged->packets_out, plain->packets_out);
	assert_int_equal(tagged->bytes_in, plain->bytes_in + 4 * plain->packets_in);
	assert_int_equal(tagged->bytes_out, plain->bytes_out + 4 * plain->packets_out);
}

static struct muster_stats since(const struct muster_stats *now, const struct muster_stats *then)
{
	return (struct muster_stats){.packets_in = now->packets_in - then->packets_in,
				     .bytes_in = now->bytes_in - then->bytes_in,
				     .packets_out = now->packets_out - then->packets_out,
				     .bytes_out = now->bytes_out - then->bytes_out};
}

/* The same packets once plain and once tagged; what came out plain is kept in `kept`. */
static struct muster_stats run_all(struct flow_of *f, unsigned tags, struct frame *kept)
{
	uint32_t service = f->proto == IPPROTO_UDP ? WEB_UDP : WEB;
	struct muster_stats before = stats_of("muster_svc_stat", service), after;

	srand(1);
	for (unsigned i = 0; i < PACKETS; i++) {
		bool to_server = rand() & 1;
		struct packet p = to_server ? from_client(f, ACK | PSH) : from_server(f, ACK | PSH);
		struct outcome outcome;

		p.payload = rand() % 1400;
		p.ttl = 2 + rand() % 254;
		p.padding = rand() % 8 ? 0 : rand() % 20;
		p.tcp_options = rand() % 11 * 4;
		p.no_checksum = f->family == 4 && f->proto == IPPROTO_UDP && !(rand() % 8);
		p.seq += rand();
		p.tags = tags;
		outcome = expect("a packet of many", &p,
				 to_server ? MUSTER_VERDICT_TO_SERVER : MUSTER_VERDICT_TO_CLIENT, NULL);
		if (!tags) {
			kept[i] = outcome.frame;
			continue;
		}
		strip_tag(&outcome.frame);
		check_frame(&outcome.frame, &kept[i], "the whole way and the express lane");
	}
	after = stats_of("muster_svc_stat", service);
	return since(&after, &before);
}

static void check_flow(struct flow_of f)
{
	static struct frame kept[PACKETS];
	struct muster_stats plain, tagged;

	bench_reset(NULL);
	pool_make(f.family, f.mode);
	prove(&f);
	plain = run_all(&f, 0, kept);
	tagged = run_all(&f, 1, kept);
	check_traffic(&plain, &tagged, PACKETS);
}

static void test_same_as_the_whole_way(void **state)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const enum muster_mode modes[] = {MUSTER_MODE_FULLNAT, MUSTER_MODE_NAT};

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		check_flow(
			(struct flow_of){.family = i & 1 ? 6 : 4, .proto = protos[i >> 1 & 1], .mode = modes[i >> 2]});
}

/* What is not for the express lane is left to the whole way: short frames, hops that are used up, flags, damage. */
static void test_what_it_leaves(void **state)
{
	struct flow_of f = {.family = 4, .proto = IPPROTO_UDP, .mode = MUSTER_MODE_FULLNAT};
	struct packet p;
	struct frame frame;

	(void)state;
	pool_make(4, f.mode);
	prove(&f);
	p = from_client(&f, 0);
	p.payload = 1;
	expect("a datagram shorter than a TCP header", &p, MUSTER_VERDICT_TO_SERVER, NULL);
	p.ttl = 1;
	expect("a datagram on its last hop", &p, MUSTER_VERDICT_TTL_EXCEEDED, NULL);
	p = from_client(&f, 0);
	p.payload = 40;
	packet_build(&frame, &p);
	put16(frame.data + 14 + 2, 1000);
	expect_passed("an IP length beyond the frame", &frame, MUSTER_VERDICT_MALFORMED);
	packet_build(&frame, &p);
	put16(frame.data + 34 + 4, 7);
	expect_passed("a UDP length below its header", &frame, MUSTER_VERDICT_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_same_as_the_whole_way, bench_reset),
		cmocka_unit_test_setup(test_what_it_leaves, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
