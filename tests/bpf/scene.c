/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests put into the maps, and how they look at what comes out. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

static const char *const verdict_names[] = {
#define X(NAME, name, ACTION, text) [MUSTER_VERDICT_##NAME] = #name,
	MUSTER_VERDICTS(X)
#undef X
};
static const int verdict_actions[] = {
#define X(NAME, name, ACTION, text) [MUSTER_VERDICT_##NAME] = MUSTER_ACTION_##ACTION,
	MUSTER_VERDICTS(X)
#undef X
};
static const int xdp_actions[] = {
	[MUSTER_ACTION_PASS] = XDP_PASS,
	[MUSTER_ACTION_FORWARD] = XDP_REDIRECT,
	[MUSTER_ACTION_DROP] = XDP_DROP,
	[MUSTER_ACTION_REFUSE] = XDP_REDIRECT,
};

struct outcome run(const struct packet *packet)
{
	struct frame frame;

	return run_on(front, packet_build(&frame, packet));
}

void check_verdict(const struct outcome *outcome, enum muster_verdict wanted, const char *what)
{
	if (outcome->verdict != wanted)
		fail_msg("%s: verdict %s, wanted %s", what, verdict_names[outcome->verdict], verdict_names[wanted]);
	if (outcome->action != xdp_actions[verdict_actions[wanted]])
		fail_msg("%s: XDP action %d for verdict %s", what, outcome->action, verdict_names[wanted]);
}

void check_frame(const struct frame *got, const struct frame *wanted, const char *what)
{
	if (got->size != wanted->size)
		fail_msg("%s: %zu bytes out, wanted %zu", what, got->size, wanted->size);
	for (size_t i = 0; i < got->size; i++)
		if (got->data[i] != wanted->data[i])
			fail_msg("%s: byte %zu is %02x, wanted %02x", what, i, got->data[i], wanted->data[i]);
}

struct outcome expect(const char *what, const struct packet *in, enum muster_verdict wanted, const struct packet *out)
{
	bool from_server = in->from == WEB_01 || in->from == WEB_02;
	struct outcome outcome;
	struct frame frame;

	outcome = run_on(from_server ? back : front, packet_build(&frame, in));
	check_verdict(&outcome, wanted, what);
	if (out)
		check_frame(&outcome.frame, packet_build(&frame, out), what);
	return outcome;
}

void expect_passed(const char *what, const struct frame *in, enum muster_verdict wanted)
{
	struct outcome outcome = run_on(front, in);

	check_verdict(&outcome, wanted, what);
	check_frame(&outcome.frame, in, what);
}

struct muster_service service_make(enum role vip, int family, int proto, uint16_t port, enum muster_mode mode)
{
	struct muster_service service = {
		.addr = *role_addr(vip, family), .port = htons(port), .proto = proto, .mode = mode, .used = 1};

	strcpy(service.name, "web");
	return service;
}

void service_vip(uint32_t index, const struct muster_service *service, bool there)
{
	struct muster_vip vip = {.addr = service->addr, .port = service->port, .proto = service->proto};

	if (there)
		map_put("muster_vips", &vip, &index);
	else
		bpf_map_delete_elem(map_fd("muster_vips"), &vip);
}

void service_put(uint32_t index, const struct muster_service *service)
{
	map_put("muster_services", &index, service);
	service_vip(index, service, true);
}

struct muster_server server_make(uint32_t service, enum role role, int family, uint16_t port)
{
	struct muster_server server = {
		.addr = *role_addr(role, family),
		.port = htons(port),
		.state = MUSTER_SERVER_UP,
		.generation = 1,
		.service = service,
		.hop.ifindex = back,
		.sources = 1,
		.source[0] = *role_addr(SOURCE, family),
	};

	snprintf(server.name, sizeof(server.name), "web-%02d", role == WEB_01 ? 1 : 2);
	memcpy(server.hop.dst_mac, role_mac(role), 6);
	memcpy(server.hop.src_mac, role_mac(SOURCE), 6);
	return server;
}

void server_put(uint32_t index, const struct muster_server *server)
{
	map_put("muster_servers", &index, server);
}

void picks_put(uint32_t service, const int *slots)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	uint64_t length = 0;
	uint32_t element;
	int fd;

	while (slots[length] >= 0)
		length++;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "muster_pick", 4, 8, MUSTER_PICKS_SLOT + length, &opts);
	if (fd < 0)
		fail_msg("no inner map of %u slots", (unsigned)length);
	for (element = 0; element < length; element++) {
		uint64_t server = slots[element];
		uint32_t at = MUSTER_PICKS_SLOT + element;

		assert_int_equal(bpf_map_update_elem(fd, &at, &server, BPF_ANY), 0);
	}
	element = MUSTER_PICKS_LEN;
	assert_int_equal(bpf_map_update_elem(fd, &element, &length, BPF_ANY), 0);
	map_put("muster_picks", &service, &fd);
	close(fd);
}

uint64_t picks_turn(uint32_t service)
{
	uint32_t id, element = MUSTER_PICKS_TURN;
	uint64_t turn = 0;
	int fd;

	if (bpf_map_lookup_elem(map_fd("muster_picks"), &service, &id))
		return 0;
	fd = bpf_map_get_fd_by_id(id);
	bpf_map_lookup_elem(fd, &element, &turn);
	close(fd);
	return turn;
}

void config_get(struct muster_config *config)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_config"), &zero, config), 0);
}

void config_put(const struct muster_config *config)
{
	uint32_t zero = 0;

	map_put("muster_config", &zero, config);
}

void pool_make(int family, enum muster_mode mode)
{
	static const struct {
		uint32_t service, server;
		int proto;
	} pools[] = {{WEB, 1, IPPROTO_TCP}, {WEB_UDP, 11, IPPROTO_UDP}};

	for (unsigned i = 0; i < 2; i++) {
		struct muster_service service = service_make(VIP, family, pools[i].proto, SERVICE_PORT, mode);
		int slots[] = {pools[i].server, pools[i].server + 1, -1};

		service_put(pools[i].service, &service);
		for (unsigned k = 0; k < 2; k++) {
			struct muster_server server =
				server_make(pools[i].service, k ? WEB_02 : WEB_01, family, SERVER_PORT);

			server_put(pools[i].server + k, &server);
			if (mode == MUSTER_MODE_FULLNAT)
				ports_put(pools[i].server + k, PORT_FIRST, PORT_COUNT, 1);
		}
		picks_put(pools[i].service, slots);
	}
}

uint16_t source_port(const struct frame *frame)
{
	unsigned l3 = 14;

	while (get16(frame->data + l3 - 2) == 0x8100 || get16(frame->data + l3 - 2) == 0x88a8)
		l3 += 4;
	if (frame->data[l3] >> 4 == 4)
		return get16(frame->data + l3 + (frame->data[l3] & 15) * 4);
	return get16(frame->data + l3 + 40 +
		     (frame->data[l3 + 6] == IPPROTO_DSTOPTS ? (frame->data[l3 + 41] + 1) * 8 : 0));
}
