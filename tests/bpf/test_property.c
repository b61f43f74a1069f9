/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host safety: over a million random and damaged packets that are for no service go up untouched, byte for byte, while
 * services and flows are there, and the flows stay as they are. A small parser of the test's own says which packets damage has
 * made a service's; those are counted, and left out. MUSTER_SEED=N for another run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "harness.h"

#define WANTED         1000000
#define SIZE_MAX_FRAME 400

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

/* Is `at` an address that a service or one of its flows may be behind? */
static bool concerns(const uint8_t *at, int family)
{
	static const enum role roles[] = {VIP, WEB_01, WEB_02};

	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!memcmp(at, (const uint8_t *)role_addr(roles[i], family) + (family == 6 ? 0 : 12),
			    family == 6 ? 16 : 4))
			return true;
	return false;
}

/*
 * May the frame be a service's? To the VIP and a service's port, or from a server's address and port, over whole headers. Where
 * headers in between make it hard to say, it may.
 */
static bool may_be_served(const struct frame *f)
{
	size_t l3 = 14, l4;
	uint16_t type;
	int family;

	while (f->size >= l3 && (get16(f->data + l3 - 2) == 0x8100 || get16(f->data + l3 - 2) == 0x88a8))
		l3 += 4;
	if (f->size < l3 + 28)
		return false;
	type = get16(f->data + l3 - 2);
	if (type != 0x0800 && type != 0x86dd)
		return false;
	family = type == 0x0800 ? 4 : 6;
	if (family == 6 && f->size < l3 + 48)
		return false;
	if (family == 6 && f->data[l3 + 6] != IPPROTO_TCP && f->data[l3 + 6] != IPPROTO_UDP)
		return concerns(f->data + l3 + 24, 6) || concerns(f->data + l3 + 8, 6);
	if (family == 4 && f->data[l3 + 9] != IPPROTO_TCP && f->data[l3 + 9] != IPPROTO_UDP)
		return false;
	l4 = l3 + (family == 6 ? 40 : (f->data[l3] & 15) * 4);
	if (l4 + 8 > f->size)
		return false;
	if (concerns(f->data + l3 + (family == 6 ? 24 : 16), family) && get16(f->data + l4 + 2) == SERVICE_PORT)
		return true;
	return concerns(f->data + l3 + (family == 6 ? 8 : 12), family) && get16(f->data + l4) == SERVER_PORT;
}

/* A packet that is valid, and nobody's but the host's: another address, another port, or a protocol of its own. */
static void valid_packet(struct frame *frame)
{
	static const enum role from[] = {CLIENT, CLIENT_B, GATEWAY, STRANGER, WEB_01, WEB_02};
	static const enum role to[] = {VIP, VIP, VIP_B, HOST, SOURCE, STRANGER};
	static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t protos[] = {
		IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_ESP, 0, 4, 41};
	struct packet p = {.family = draw(2) ? 6 : 4,
			   .proto = draw(3) ? IPPROTO_TCP : IPPROTO_UDP,
			   .from = from[draw(6)],
			   .to = to[draw(6)],
			   .sport = draw(4) ? draw(65536) : SERVICE_PORT,
			   .dport = draw(8) ? draw(65536) : SERVICE_PORT,
			   .flags = draw(256),
			   .seq = draw(~0U),
			   .ack = draw(~0U),
			   .payload = draw(60),
			   .tcp_options = draw(3) * 4,
			   .ip_options = draw(4) ? 0 : draw(4) * 8,
			   .tags = draw(4) ? 0 : draw(3),
			   .padding = draw(3) ? 0 : draw(20),
			   .ttl = draw(4) ? 64 : draw(256),
			   .no_checksum = !draw(8),
			   .bad_checksum = !draw(8),
			   .mac_to = draw(8) ? NULL : everybody};
	uint8_t *ip;

	packet_build(frame, &p);
	ip = frame->data + 14 + 4 * p.tags;
	if (!draw(6) && p.family == 4)
		put16(ip + 6, draw(65536)); /* fragments */
	if (!draw(6))
		ip[p.family == 6 ? 6 : 9] = protos[draw(sizeof(protos))];
	if (!draw(10) && p.family == 6)
		ip[6] = IPPROTO_FRAGMENT;
}

static void damage(struct frame *frame)
{
	for (unsigned i = draw(5); i; i--)
		frame->data[draw(draw(2) ? 64 : frame->size)] ^= 1 << draw(8);
	if (!draw(4))
		frame->size = 14 + draw(frame->size - 13);
	if (!draw(8))
		frame->size += draw(64);
}

static void random_bytes(struct frame *frame)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806};

	frame->size = 14 + draw(SIZE_MAX_FRAME - 14);
	for (unsigned i = 0; i < frame->size; i += 4)
		memcpy(frame->data + i, &(uint32_t){draw(~0U)}, 4);
	if (draw(4))
		put16(frame->data + 12, types[draw(5)]);
	if (draw(2))
		frame->data[14] = draw(2) ? 0x45 : 0x60;
}

static void flows_make(int family)
{
	for (uint16_t i = 0; i < 20; i++) {
		struct packet syn = {.family = family,
				     .from = CLIENT,
				     .to = VIP,
				     .sport = 4000 + i,
				     .dport = SERVICE_PORT,
				     .flags = SYN};

		expect("a SYN", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	}
}

/* The table's bytes. */
static void table_copy(struct muster_bucket *copy)
{
	for (int t = MUSTER_TABLE_HALF_OPEN; t <= MUSTER_TABLE_A; t++)
		memcpy(copy + t * table_buckets, table_buckets_of(t), table_buckets * sizeof(*copy));
}

static void check_passed(const struct frame *in, unsigned number)
{
	static struct frame out;
	int action = run_quick(front, in, &out);
	char bytes[3 * 80 + 1] = "";

	if (action == XDP_PASS && out.size == in->size && !memcmp(out.data, in->data, in->size))
		return;
	for (unsigned i = 0; i < in->size && i < 80; i++)
		sprintf(bytes + 3 * i, "%02x ", in->data[i]);
	fail_msg("packet %u of %zu bytes: action %d, %zu bytes out, %s; it was %s", number, in->size, action, out.size,
		 out.size == in->size && !memcmp(out.data, in->data, in->size) ? "unchanged" : "changed", bytes);
}

static void pass_all(enum muster_mode mode, int family)
{
	size_t bytes = 2 * table_buckets * sizeof(struct muster_bucket);
	struct muster_bucket *before = malloc(bytes), *after = malloc(bytes);
	unsigned tested = 0, left_out = 0;
	static struct frame frame;

	bench_reset(NULL);
	pool_make(family, mode);
	flows_make(family);
	table_copy(before);
	while (tested < WANTED / 4) {
		memset(frame.data, 0, SIZE_MAX_FRAME + 100);
		if (draw(4)) {
			valid_packet(&frame);
			if (draw(2))
				damage(&frame);
		} else {
			random_bytes(&frame);
		}
		if (may_be_served(&frame)) {
			left_out++;
			continue;
		}
		check_passed(&frame, tested++);
	}
	table_copy(after);
	assert_memory_equal(before, after, bytes);
	print_message("# %u packets passed, %u left out as a service's\n", tested, left_out);
	assert_true(left_out < tested / 2);
	free(before);
	free(after);
}

static void test_what_is_for_no_service_passes_untouched(void **state)
{
	const char *wish = getenv("MUSTER_SEED");

	(void)state;
	seed = wish ? strtoull(wish, NULL, 10) : 20261128;
	print_message("# MUSTER_SEED=%llu\n", (unsigned long long)seed);
	seed |= 1;
	pass_all(MUSTER_MODE_FULLNAT, 4);
	pass_all(MUSTER_MODE_FULLNAT, 6);
	pass_all(MUSTER_MODE_NAT, 4);
	pass_all(MUSTER_MODE_NAT, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_for_no_service_passes_untouched)};

	table_buckets = 256;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
