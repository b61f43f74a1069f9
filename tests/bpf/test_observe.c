// SPDX-License-Identifier: GPL-2.0-or-later
/* What the packets tell about a server, and what nobody but the server can make them tell. */
#include "harness.h"

static struct packet from(enum role client, uint16_t port, uint8_t flags, uint32_t seq)
{
	return (struct packet){
		.from = client, .to = VIP, .sport = port, .dport = SERVICE_PORT, .flags = flags, .seq = seq};
}

static struct packet to(enum role client, uint16_t port, uint8_t flags, uint32_t seq)
{
	return (struct packet){.from = WEB_01,
			       .to = client,
			       .sport = SERVER_PORT,
			       .dport = port,
			       .flags = flags,
			       .seq = seq,
			       .ack = 101};
}

static void client_sends(enum role client, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct packet packet = from(client, port, flags, seq);

	packet.ack = ack;
	expect("the client's segment", &packet, MUSTER_VERDICT_TO_SERVER, NULL);
}

static void server_sends(enum role client, uint16_t port, uint8_t flags, uint32_t seq)
{
	struct packet packet = to(client, port, flags, seq);

	expect("the server's segment", &packet, MUSTER_VERDICT_TO_CLIENT, NULL);
}

static void established(enum role client, uint16_t port)
{
	client_sends(client, port, SYN, 100, 0);
	server_sends(client, port, SYN | ACK, 500);
	client_sends(client, port, ACK, 101, 501);
}

/* A segment of the server's that begins with this text; its checksum is not what matters here. */
static void server_answers(enum role client, uint16_t port, const char *text)
{
	struct packet packet = to(client, port, PSH | ACK, 501);
	struct outcome outcome;
	struct frame frame;

	packet.payload = strlen(text);
	packet_build(&frame, &packet);
	memcpy(frame.data + frame.size - packet.payload, text, packet.payload);
	outcome = run_on(back, &frame);
	check_verdict(&outcome, MUSTER_VERDICT_TO_CLIENT, text);
}

/* The flow goes to WEB_01 as server 1, which alone is in the pool. */
static void one_server(bool observe)
{
	struct muster_service service = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);
	static const int slots[] = {1, -1};

	pool_make(4, MUSTER_MODE_NAT);
	service.observe = observe;
	service_put(WEB, &service);
	picks_put(WEB, slots);
}

/* The newest event, which is of this kind and about that client of server 1; none before it is left. */
static void told(enum muster_event_kind kind, enum role client)
{
	struct muster_event event;

	if (!event_get(&event))
		fail_msg("no event was told");
	assert_int_equal(event.kind, kind);
	assert_int_equal(event.server, 1);
	assert_int_equal(event.service, WEB);
	assert_memory_equal(&event.tuple.src, role_addr(client, 4), sizeof(event.tuple.src));
}

static void not_told(void)
{
	struct muster_event event;

	if (event_get(&event))
		fail_msg("an event of kind %u was told", event.kind);
}

static void set_ticks(uint32_t ticks_per_s)
{
	struct muster_config config;

	config_get(&config);
	config.ticks_per_s = ticks_per_s;
	config_put(&config);
}

static void test_answers(void **state)
{
	(void)state;
	one_server(false);
	for (uint16_t port = 1000; port < 1003; port++)
		established(CLIENT, port);
	server_sends(CLIENT, 1000, SYN | ACK, 500); /* again */
	assert_int_equal(signals_of(1).answered, 3);
	assert_int_equal(signals_of(1).repeated, 0);
	not_told();
}

static void test_a_syn_sent_again_before_an_answer(void **state)
{
	(void)state;
	one_server(false);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	assert_int_equal(signals_of(1).repeated, 0);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	assert_int_equal(signals_of(1).repeated, 2);
	told(MUSTER_EVENT_UNANSWERED, CLIENT);
	/* Once it is answered, what the client repeats is no fault of the server's. */
	server_sends(CLIENT, 1000, SYN | ACK, 500);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	client_sends(CLIENT, 1000, ACK, 101, 501);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	assert_int_equal(signals_of(1).repeated, 2);
}

static void test_resets_are_the_servers_own(void **state)
{
	(void)state;
	one_server(false);
	established(CLIENT, 1000);
	client_sends(CLIENT, 1000, RST | ACK, 101, 501);
	assert_int_equal(signals_of(1).resets, 0); /* a client's proves nothing */
	not_told();
	established(CLIENT, 1001);
	server_sends(CLIENT, 1001, RST | ACK, 501);
	assert_int_equal(signals_of(1).resets, 1);
	assert_int_equal(signals_of(1).refused, 0);
	told(MUSTER_EVENT_RESET, CLIENT);
	server_sends(CLIENT, 1001, RST | ACK, 501); /* the flow was closing: once is enough */
	established(CLIENT, 1002);
	server_sends(CLIENT, 1002, FIN | ACK, 501);
	assert_int_equal(signals_of(1).resets, 1);
}

static void test_a_refusal_answers_the_syn(void **state)
{
	struct packet packet;

	(void)state;
	one_server(false);
	client_sends(CLIENT, 1000, SYN, 100, 0);
	client_sends(CLIENT, 1000, RST, 101, 0);
	assert_int_equal(signals_of(1).refused, 0);
	client_sends(CLIENT, 1001, SYN, 100, 0);
	packet = to(CLIENT, 1001, RST | ACK, 0);
	packet.ack = 77; /* provoked by an ACK in the client's name */
	expect("a RST that answers something else", &packet, MUSTER_VERDICT_TO_CLIENT, NULL);
	assert_int_equal(signals_of(1).refused, 0);
	not_told();
	client_sends(CLIENT, 1002, SYN, 100, 0);
	server_sends(CLIENT, 1002, RST | ACK, 0);
	assert_int_equal(signals_of(1).refused, 1);
	assert_int_equal(signals_of(1).resets, 0);
	told(MUSTER_EVENT_REFUSED, CLIENT);
}

static void test_status_classes(void **state)
{
	static const struct {
		const char *line;
		int class; /* -1: no response begins here */
	} cases[] = {
		{"HTTP/1.1 200 OK\r\n", 2},
		{"HTTP/1.0 204 No Content\r\n", 2},
		{"HTTP/1.1 101 Switching\r\n", 1},
		{"HTTP/1.1 302 Found\r\n", 3},
		{"HTTP/1.1 404 Not Found\r\n", 4},
		{"HTTP/1.1 500 Oh\r\n", 5},
		{"HTTP/1.1 700 Odd\r\n", 0},
		{"HTTP/1.1 abc\r\n", 0},
		{"HTTP/1.1 500", 5}, /* as much as is looked at */
		{"HTTP/1.1 50", -1},
		{"HTTP/2.0 500 Oh\r\n", -1},
		{"HTTP/1-1 500 Oh\r\n", -1},
		{"http/1.1 500 Oh\r\n", -1},
		{"<p>HTTP/1.1 500</p>", -1},
	};
	uint64_t wanted[6] = {0};

	(void)state;
	one_server(true);
	established(CLIENT, 1000);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server_answers(CLIENT, 1000, cases[i].line);
		if (cases[i].class >= 0)
			wanted[cases[i].class]++;
		for (unsigned class = 0; class < 6; class ++)
			if (signals_of(1).status[class] != wanted[class])
				fail_msg("\"%s\": class %u was counted %u times, wanted %u", cases[i].line, class,
					 (unsigned)signals_of(1).status[class], (unsigned)wanted[class]);
	}
}

static void test_only_where_it_is_asked_for(void **state)
{
	struct packet packet = from(CLIENT, 1000, PSH | ACK, 101);
	struct outcome outcome;
	struct frame frame;

	(void)state;
	one_server(false);
	established(CLIENT, 1000);
	server_answers(CLIENT, 1000, "HTTP/1.1 500 Oh\r\n");
	assert_int_equal(signals_of(1).status[5], 0);
	/* Nor is what a client says its server's. */
	one_server(true);
	packet.ack = 501;
	packet.payload = 17;
	packet_build(&frame, &packet);
	memcpy(frame.data + frame.size - 17, "HTTP/1.1 500 Oh\r\n", 17);
	outcome = run_on(front, &frame);
	check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, "a client's text");
	assert_int_equal(signals_of(1).status[5], 0);
	assert_int_equal(signals_of(1).errors, 0);
	not_told();
}

static void test_one_error_a_client_and_second(void **state)
{
	unsigned seconds;

	(void)state;
	one_server(true);
	established(CLIENT, 1000);
	established(CLIENT, 1001);
	established(CLIENT_B, 1000);
	/* Ticks are as they come, odd and even. */
	for (seconds = 0; seconds < 8; seconds++) {
		set_ticks(0); /* every packet begins another second */
		server_answers(CLIENT, 1000, "HTTP/1.1 404 Not Found\r\n");
		assert_int_equal(signals_of(1).errors, seconds); /* which is no error of the server's */
		server_answers(CLIENT, 1000, "HTTP/1.1 503 Busy\r\n");
		assert_int_equal(signals_of(1).errors, seconds + 1);
		told(MUSTER_EVENT_ERROR_STATUS, CLIENT);
		set_ticks(1U << 30); /* and none does */
		for (unsigned i = 0; i < 5; i++)
			server_answers(CLIENT, 1000 + i % 2, "HTTP/1.1 503 Busy\r\n");
		assert_int_equal(signals_of(1).errors, seconds + 1); /* whichever flow of its it is */
		not_told();
	}
	assert_int_equal(signals_of(1).status[5], 6 * seconds);
	server_answers(CLIENT_B, 1000, "HTTP/1.1 503 Busy\r\n");
	assert_int_equal(signals_of(1).errors, seconds + 1);
	told(MUSTER_EVENT_ERROR_STATUS, CLIENT_B);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers, bench_reset),
		cmocka_unit_test_setup(test_a_syn_sent_again_before_an_answer, bench_reset),
		cmocka_unit_test_setup(test_resets_are_the_servers_own, bench_reset),
		cmocka_unit_test_setup(test_a_refusal_answers_the_syn, bench_reset),
		cmocka_unit_test_setup(test_status_classes, bench_reset),
		cmocka_unit_test_setup(test_only_where_it_is_asked_for, bench_reset),
		cmocka_unit_test_setup(test_one_error_a_client_and_second, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
