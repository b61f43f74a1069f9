// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses: text in, text out, and which of them no server can have. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "address.h"

static struct muster_addr parsed(const char *text)
{
	struct muster_addr addr;

	if (address_parse(text, &addr) < 0)
		fail_msg("'%s' should be an address", text);
	return addr;
}

static void text_comes_back_as_it_went_in(void **state)
{
	static const char *const texts[] = {"10.0.0.1", "255.255.255.255", "fd00::1", "2001:db8:1:2:3:4:5:6", "::1"};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct muster_addr addr = parsed(texts[i]);

		assert_string_equal(address_format(&addr, text), texts[i]);
	}
}

static void ipv4_stands_as_v4_mapped(void **state)
{
	struct muster_addr addr = parsed("192.0.2.1"), mapped = parsed("::ffff:192.0.2.1"), v6 = parsed("::c000:201");

	(void)state;
	assert_int_equal(addr.word[0], 0);
	assert_int_equal(addr.word[1], 0);
	assert_int_equal(addr.word[2], htonl(0xffff));
	assert_int_equal(addr.word[3], htonl(0xc0000201));
	assert_true(address_is_v4(&addr));
	assert_true(address_equal(&addr, &mapped));
	assert_false(address_is_v4(&v6));
	assert_false(address_equal(&addr, &v6));
	mapped = address_from_v4(htonl(0xc0000201));
	assert_true(address_equal(&addr, &mapped));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {"",          "10.0.0",     "10.0.0.256",       "10.0.0.1 ",
					    " 10.0.0.1", "10.0.0.1/8", "fd00::g",          "fd00::1%lo",
					    "web-01",    "[fd00::1]",  "1:2:3:4:5:6:7:8:9"};
	struct muster_addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (address_parse(texts[i], &addr) != -EINVAL)
			fail_msg("'%s' should not be an address", texts[i]);
}

static void address_and_port_come_back(void **state)
{
	static const char *const texts[] = {"10.0.0.1:80", "[fd00::1]:65535", "10.0.0.1:0",
					    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct muster_addr addr;
		__be16 port;

		if (address_port_parse(texts[i], &addr, &port) < 0)
			fail_msg("'%s' should be an address with a port", texts[i]);
		assert_string_equal(address_port_format(&addr, port, text), texts[i]);
	}
}

static void what_is_no_address_with_a_port_is_refused(void **state)
{
	static const char *const texts[] = {
		"10.0.0.1",  "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1",  "10.0.0.1:8x", "fd00::1:80", "[fd00::1]80",
		"[fd00::1]", ":80",       "10.0.0.1: 80",   "10.0.0.1:+80", "[]:80",       "web-01:80"};
	struct muster_addr addr;
	__be16 port;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (address_port_parse(texts[i], &addr, &port) != -EINVAL)
			fail_msg("'%s' should not be an address with a port", texts[i]);
}

static void special_addresses_are_known(void **state)
{
	static const char *const special[] = {
		"0.0.0.0",   "0.1.2.3", "127.0.0.1", "127.255.255.254", "224.0.0.1", "255.255.255.255",
		"240.0.0.1", "::",      "::1",       "ff02::1",         "fe80::1",   "::ffff:127.0.0.1"};
	static const char *const usual[] = {"10.0.0.1",  "126.255.255.255", "128.0.0.1",  "223.255.255.255",
					    "192.0.2.1", "fd00::1",         "2001:db8::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		struct muster_addr addr = parsed(special[i]);

		if (!address_is_special(&addr))
			fail_msg("no server can have the address %s", special[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		struct muster_addr addr = parsed(usual[i]);

		if (address_is_special(&addr))
			fail_msg("a server can have the address %s", usual[i]);
	}
}

static void a_sockaddr_has_its_own_family(void **state)
{
	struct muster_addr v4 = parsed("10.0.0.1"), v6 = parsed("fd00::1");
	struct sockaddr_storage out;

	(void)state;
	assert_int_equal(address_to_sockaddr(&v4, htons(80), &out), sizeof(struct sockaddr_in));
	assert_int_equal(out.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&out)->sin_port, htons(80));
	assert_int_equal(((struct sockaddr_in *)&out)->sin_addr.s_addr, htonl(0x0a000001));
	assert_int_equal(address_to_sockaddr(&v6, htons(443), &out), sizeof(struct sockaddr_in6));
	assert_int_equal(out.ss_family, AF_INET6);
	assert_int_equal(((struct sockaddr_in6 *)&out)->sin6_port, htons(443));
	assert_memory_equal(&((struct sockaddr_in6 *)&out)->sin6_addr, &v6, sizeof(v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back_as_it_went_in),
		cmocka_unit_test(ipv4_stands_as_v4_mapped),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(address_and_port_come_back),
		cmocka_unit_test(what_is_no_address_with_a_port_is_refused),
		cmocka_unit_test(special_addresses_are_known),
		cmocka_unit_test(a_sockaddr_has_its_own_family),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
