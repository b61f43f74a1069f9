/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow table that fills up: below three quarters fewer than one flow in 10,000 finds no room, or loses its own. */
#include "harness.h"

#define BUCKETS 4096
#define FLOWS   (BUCKETS * MUSTER_WAYS / MUSTER_ENTRIES_A_FLOW * 3 / 4)
#define ISN     7000
/* For each 64 flows: more than they take to come. */
#define BEATS_AHEAD 40U

static struct packet from_client(unsigned i, int family, uint8_t flags)
{
	return (struct packet){.family = family,
			       .from = i % 2 ? CLIENT_B : CLIENT,
			       .to = VIP,
			       .sport = 1000 + i / 2,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = flags & SYN ? 100 : 101,
			       .ack = flags & ACK ? ISN + 1 : 0};
}

static bool sent_on(unsigned ifindex, const struct packet *packet, struct frame *out)
{
	struct frame in;

	return run_quick(ifindex, packet_build(&in, packet), out) == XDP_REDIRECT &&
	       !memcmp(out->data + 6, ifindex == front ? role_mac(SOURCE) : role_mac(VIP), 6);
}

static bool handshake(unsigned i, int family)
{
	struct packet syn = from_client(i, family, SYN), ack = from_client(i, family, ACK), answer;
	struct frame out;

	if (!sent_on(front, &syn, &out))
		return false;
	answer = (struct packet){.family = family,
				 .from = out.data[5] == role_mac(WEB_01)[5] ? WEB_01 : WEB_02,
				 .to = syn.from,
				 .sport = SERVER_PORT,
				 .dport = syn.sport,
				 .flags = SYN | ACK,
				 .seq = ISN,
				 .ack = 101};
	return sent_on(back, &answer, &out) && sent_on(front, &ack, &out);
}

/* On a machine that takes seconds to fill the table, too: who has been silent meanwhile would give way. */
static void all_spoke_just_now(void)
{
	for (unsigned i = 0; i < BUCKETS * MUSTER_WAYS; i++) {
		struct muster_bucket *bucket = &table_buckets_of(MUSTER_TABLE_A)[i / MUSTER_WAYS];

		entry_age(&(struct found){.tag = &bucket->tag[i % MUSTER_WAYS]}, -BEATS_AHEAD);
	}
}

static void fill(int family)
{
	unsigned refused = 0, kept = 0, lost;

	pool_make(family, MUSTER_MODE_NAT);
	for (unsigned i = 0; i < FLOWS; i++) {
		refused += !handshake(i, family);
		if (i % 64 == 63)
			all_spoke_just_now();
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		struct packet data = from_client(i, family, ACK);
		struct frame out;

		data.payload = 10;
		kept += sent_on(front, &data, &out) && out.size > 60;
	}
	lost = FLOWS - refused - kept;
	print_message("# IPv%d: %u flows fill %u of %u entries; %u refused, %u lost\n", family, FLOWS,
		      flow_count_in(MUSTER_TABLE_A), BUCKETS * MUSTER_WAYS, refused, lost);
	assert_true((refused + lost) * 10000 < FLOWS);
	/* One that finds no room among the proven stays where it is, as proven as they. */
	assert_int_equal(flow_count() / MUSTER_ENTRIES_A_FLOW, kept);
	check_whole("three quarters full");
}

static void test_three_quarters_of_the_table(void **state)
{
	(void)state;
	fill(4);
}

static void test_three_quarters_of_the_table_by_ipv6(void **state)
{
	(void)state;
	fill(6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_three_quarters_of_the_table, bench_reset),
		cmocka_unit_test_setup(test_three_quarters_of_the_table_by_ipv6, bench_reset),
	};

	table_buckets = BUCKETS;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
