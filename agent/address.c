// SPDX-License-Identifier: GPL-2.0-or-later
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>

int address_parse(const char *text, struct muster_addr *out)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*out = address_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return -EINVAL;
	memcpy(out, &v6, sizeof(*out));
	return 0;
}

int address_port_parse(const char *text, struct muster_addr *addr, __be16 *port)
{
	const char *colon = strrchr(text, ':');
	char host[ADDRESS_TEXT_SIZE];
	unsigned long number;
	size_t length;
	char *end;

	if (!colon || !colon[1])
		return -EINVAL;
	number = strtoul(colon + 1, &end, 10);
	if (*end || number > 65535 || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	length = colon - text;
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return -EINVAL;
	}
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	*port = htons(number);
	return address_parse(host, addr);
}

const char *address_format(const struct muster_addr *addr, char *buf)
{
	if (address_is_v4(addr))
		inet_ntop(AF_INET, &addr->word[3], buf, ADDRESS_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, addr, buf, ADDRESS_TEXT_SIZE);
	return buf;
}

const char *address_port_format(const struct muster_addr *addr, __be16 port, char *buf)
{
	char host[INET6_ADDRSTRLEN + 2];

	address_format(addr, buf);
	snprintf(host, sizeof(host), "%.*s", (int)sizeof(host) - 1, buf);
	snprintf(buf, ADDRESS_TEXT_SIZE, address_is_v4(addr) ? "%s:%u" : "[%s]:%u", host, ntohs(port));
	return buf;
}

bool address_is_v4(const struct muster_addr *addr)
{
	return !addr->word[0] && !addr->word[1] && addr->word[2] == htonl(0xffff);
}

bool address_equal(const struct muster_addr *a, const struct muster_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool address_is_special(const struct muster_addr *addr)
{
	struct in6_addr v6;

	if (address_is_v4(addr)) {
		uint32_t v4 = ntohl(addr->word[3]);

		return v4 >> 24 == 0 || v4 >> 24 == 127 || v4 >= 0xe0000000;
	}
	memcpy(&v6, addr, sizeof(v6));
	return IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
	       IN6_IS_ADDR_LINKLOCAL(&v6);
}

struct muster_addr address_from_v4(__be32 v4)
{
	return (struct muster_addr){.word = {0, 0, htonl(0xffff), v4}};
}

socklen_t address_to_sockaddr(const struct muster_addr *addr, __be16 port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (address_is_v4(addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		v4->sin_addr.s_addr = addr->word[3];
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	memcpy(&v6->sin6_addr, addr, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}
