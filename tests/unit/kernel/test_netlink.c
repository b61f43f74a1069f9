// SPDX-License-Identifier: GPL-2.0-or-later
/* Dumps that the kernel says it could not give in one piece. The kernel's side of the socket is played by this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/netlink.h"

/* What the kernel answers to the request it got last: links by number, then the end; `torn` marks an interrupted dump. */
static struct {
	uint32_t sequence;
	unsigned asked, torn;    /* requests so far, and how many of them are interrupted */
	unsigned part, leftover; /* datagrams of the answer given; and those of the one before, not read yet */
} script;

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	(void)socket;
	script.sequence = ((const struct nlmsghdr *)request)->nlmsg_seq;
	assert_true((((const struct nlmsghdr *)request)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP);
	/* The end of an interrupted dump still comes, under its own number. */
	script.leftover = script.asked > 0;
	script.asked++;
	script.part = 0;
	return (ssize_t)length;
}

static ssize_t put(void *buffer, uint16_t type, uint16_t flags, uint32_t sequence, int32_t number)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	int32_t *payload = mnl_nlmsg_put_extra_header(message, sizeof(*payload));

	*payload = number;
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_MULTI | flags;
	message->nlmsg_seq = sequence;
	return message->nlmsg_len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	bool torn = script.asked <= script.torn;

	(void)socket;
	(void)size;
	if (script.leftover) {
		script.leftover = 0;
		return put(buffer, NLMSG_DONE, NLM_F_DUMP_INTR, script.sequence - 1, 0);
	}
	switch (script.part++) {
	case 0:
		return put(buffer, RTM_NEWLINK, 0, script.sequence, 1);
	case 1:
		return put(buffer, RTM_NEWLINK, torn ? NLM_F_DUMP_INTR : 0, script.sequence, 2);
	case 2:
		return put(buffer, NLMSG_DONE, 0, script.sequence, 0);
	}
	fail_msg("the answer to request %u was read beyond its end", script.asked);
	return -1;
}

struct gathered {
	int32_t number[16];
	unsigned n, restarts;
};

static int gather(const struct nlmsghdr *message, void *context)
{
	struct gathered *gathered = context;

	assert_in_range(gathered->n, 0, 15);
	gathered->number[gathered->n++] = *(const int32_t *)mnl_nlmsg_get_payload(message);
	return MNL_CB_OK;
}

static void restart(void *context)
{
	struct gathered *gathered = context;

	gathered->n = 0;
	gathered->restarts++;
}

static int dump(unsigned torn, struct gathered *out)
{
	struct netlink netlink = {.sequence = 41};
	char room[NETLINK_ROOM] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);

	memset(&script, 0, sizeof(script));
	script.torn = torn;
	*out = (struct gathered){0};
	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	return netlink_dump(&netlink, request, gather, restart, out);
}

static void whole_dump_is_asked_for_once(void **state)
{
	struct gathered gathered;

	(void)state;
	assert_int_equal(dump(0, &gathered), 0);
	assert_int_equal(script.asked, 1);
	assert_int_equal(gathered.restarts, 0);
	assert_int_equal(gathered.n, 2);
}

static void interrupted_dump_is_asked_for_again(void **state)
{
	struct gathered gathered;

	(void)state;
	for (unsigned torn = 1; torn <= 3; torn++) {
		assert_int_equal(dump(torn, &gathered), 0);
		assert_int_equal(script.asked, torn + 1);
		assert_int_equal(gathered.restarts, torn);
		/* nothing of the interrupted ones is left in the list */
		assert_int_equal(gathered.n, 2);
		assert_int_equal(gathered.number[0], 1);
		assert_int_equal(gathered.number[1], 2);
	}
}

static void endless_change_is_an_error(void **state)
{
	struct gathered gathered;

	(void)state;
	assert_int_equal(dump(100, &gathered), -EINTR);
	assert_int_equal(script.asked, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_dump_is_asked_for_once),
		cmocka_unit_test(interrupted_dump_is_asked_for_again),
		cmocka_unit_test(endless_change_is_an_error),
	};

	return cmocka_run_group_tests_name("kernel_netlink", tests, NULL, NULL);
}
