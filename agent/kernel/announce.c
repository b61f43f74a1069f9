// SPDX-License-Identifier: GPL-2.0-or-later
#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include "../address.h"

static size_t arp_frame(const uint8_t mac[6], const struct muster_addr *addr, uint8_t *frame)
{
	struct {
		struct ether_header ethernet;
		struct ether_arp arp;
	} __attribute__((packed)) out = {0};

	memset(out.ethernet.ether_dhost, 0xff, ETH_ALEN);
	memcpy(out.ethernet.ether_shost, mac, ETH_ALEN);
	out.ethernet.ether_type = htons(ETHERTYPE_ARP);
	out.arp.arp_hrd = htons(ARPHRD_ETHER);
	out.arp.arp_pro = htons(ETHERTYPE_IP);
	out.arp.arp_hln = ETH_ALEN;
	out.arp.arp_pln = sizeof(addr->word[3]);
	out.arp.arp_op = htons(ARPOP_REQUEST);
	memcpy(out.arp.arp_sha, mac, ETH_ALEN);
	memcpy(out.arp.arp_spa, &addr->word[3], sizeof(addr->word[3]));
	memcpy(out.arp.arp_tpa, &addr->word[3], sizeof(addr->word[3]));
	memcpy(frame, &out, sizeof(out));
	return sizeof(out);
}

static uint32_t sum_words(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

struct advertisement {
	struct nd_neighbor_advert header;
	struct nd_opt_hdr option;
	uint8_t mac[ETH_ALEN];
} __attribute__((packed));

static __be16 icmp6_checksum(const struct ip6_hdr *ip, const struct advertisement *body)
{
	uint32_t sum = sum_words(sizeof(*body) + IPPROTO_ICMPV6, &ip->ip6_src, 2 * sizeof(ip->ip6_src));

	sum = sum_words(sum, body, sizeof(*body));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t advertisement_frame(const uint8_t mac[6], const struct muster_addr *addr, uint8_t *frame)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
	struct {
		struct ether_header ethernet;
		struct ip6_hdr ip;
		struct advertisement body;
	} __attribute__((packed)) out = {0};
	struct ip6_hdr ip = {0};
	struct advertisement body = {0};

	memcpy(out.ethernet.ether_dhost, all_nodes_mac, ETH_ALEN);
	memcpy(out.ethernet.ether_shost, mac, ETH_ALEN);
	out.ethernet.ether_type = htons(ETHERTYPE_IPV6);
	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons(sizeof(body));
	ip.ip6_nxt = IPPROTO_ICMPV6;
	ip.ip6_hlim = 255; /* RFC 4861 7.1.2: anything less came through a router, and is ignored */
	memcpy(&ip.ip6_src, addr, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, all_nodes, sizeof(ip.ip6_dst));
	body.header.nd_na_type = ND_NEIGHBOR_ADVERT;
	body.header.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	memcpy(&body.header.nd_na_target, addr, sizeof(body.header.nd_na_target));
	body.option.nd_opt_type = ND_OPT_TARGET_LINKADDR;
	body.option.nd_opt_len = 1;
	memcpy(body.mac, mac, sizeof(body.mac));
	body.header.nd_na_cksum = icmp6_checksum(&ip, &body);
	out.ip = ip;
	out.body = body;
	memcpy(frame, &out, sizeof(out));
	return sizeof(out);
}

size_t announce_frame(const uint8_t mac[6], const struct muster_addr *addr, uint8_t *frame)
{
	return address_is_v4(addr) ? arp_frame(mac, addr, frame) : advertisement_frame(mac, addr, frame);
}

int announce(uint32_t ifindex, const uint8_t mac[6], const struct muster_addr *addr)
{
	uint8_t frame[ANNOUNCE_FRAME_SIZE];
	size_t length = announce_frame(mac, addr, frame);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = ETH_ALEN};
	_cleanup_(closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(to.sll_addr, frame, ETH_ALEN);
	return sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
