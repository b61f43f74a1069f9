/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Literal addresses: text, struct muster_addr (network byte order, IPv4 as v4-mapped) and sockaddr. */
#ifndef MUSTER_ADDRESS_H
#define MUSTER_ADDRESS_H

#include <netinet/in.h>
#include <muster/maps.h>

#include "base.h"

#define ADDRESS_TEXT_SIZE 64 /* room for "[v6]:port" */

/* Text to address, "10.0.0.1" or "fd00::1". -EINVAL when it is neither. */
int address_parse(const char *text, struct muster_addr *out);
/* "10.0.0.1:80", "[fd00::1]:80"; port in network byte order. -EINVAL when it is not of that form. */
int address_port_parse(const char *text, struct muster_addr *addr, __be16 *port);

/* Address to text; buf has ADDRESS_TEXT_SIZE bytes; returns buf. */
const char *address_format(const struct muster_addr *addr, char *buf);
/* As "10.0.0.1:80" or "[fd00::1]:80"; port in network byte order. */
const char *address_port_format(const struct muster_addr *addr, __be16 port, char *buf);

bool address_is_v4(const struct muster_addr *addr);
bool address_equal(const struct muster_addr *a, const struct muster_addr *b);
/* Loopback, multicast, unspecified, broadcast: what no server or service can have. */
bool address_is_special(const struct muster_addr *addr);

struct muster_addr address_from_v4(__be32 v4);
/* Fills a sockaddr of the address's own family; returns its length. */
socklen_t address_to_sockaddr(const struct muster_addr *addr, __be16 port, struct sockaddr_storage *out);

#endif
