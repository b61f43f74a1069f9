// SPDX-License-Identifier: GPL-2.0-or-later
#include "hints.h"

#include <linux/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* Words of the kernel's sentences, any case, as the core and the drivers have them in Linux 6.1 to 6.18; first come. */
static const struct {
	const char *word;
	enum refusal refusal;
} words[] = {
	{"upper device", REFUSAL_UPPER},
	{"peer is detached", REFUSAL_PEER_GONE},
	{"peer tx queues", REFUSAL_PEER_QUEUES},
	{"bonding mode", REFUSAL_BOND_MODE},
	{"slave", REFUSAL_BOND_SLAVE},
	{"MTU", REFUSAL_MTU},
	{"jumbo", REFUSAL_MTU},
	{"frame size", REFUSAL_MTU},
	{"host is implementing", REFUSAL_GUEST_OFFLOADS},
	{"guest is implementing", REFUSAL_GUEST_OFFLOADS},
	{"any_header_sg", REFUSAL_SINGLE_PAGE},
	{"data-split", REFUSAL_HEADER_SPLIT},
	{"HDS", REFUSAL_HEADER_SPLIT},
	{"HW-GRO", REFUSAL_GRO_HW},
	{"GRO_HW", REFUSAL_GRO_HW},
	{"LRO", REFUSAL_LRO},
	{"combined", REFUSAL_NOT_COMBINED},
	{"split interrupts", REFUSAL_NOT_COMBINED},
	{"queue", REFUSAL_QUEUES},
	{"TX ring", REFUSAL_QUEUES},
	{"channel", REFUSAL_QUEUES},
	{"enough space for alloc", REFUSAL_QUEUES},
	{"XDP link", REFUSAL_HELD},
	{"already attached", REFUSAL_TAKEN},
	{"already active", REFUSAL_TAKEN},
	{"can't be active", REFUSAL_TAKEN},
	{"does not match expected", REFUSAL_TAKEN},
	{"native mode", REFUSAL_NO_NATIVE},
};

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; *text; text++)
		if (strncasecmp(text, word, length) == 0)
			return true;
	return false;
}

/* Most drivers need a send queue for each CPU or channel beside those in use: half of what there is leaves them free. */
static uint32_t fewer_channels(const struct attach_facts *facts)
{
	return MAX(facts->channels.combined_most / 2, 1u);
}

/* Many drivers say no and why only in the kernel log, if at all; then the settings tell. */
static enum refusal by_facts(int error, const struct attach_facts *facts)
{
	switch (-error) {
	case EPERM:
		return REFUSAL_RIGHTS;
	case EBUSY:
		return REFUSAL_HELD;
	case EEXIST:
		return REFUSAL_TAKEN;
	case ERANGE:
		return REFUSAL_MTU;
	case ENOSPC:
		return REFUSAL_QUEUES;
	case ENOMEM:
		return facts->channels.combined > fewer_channels(facts) ? REFUSAL_QUEUES : REFUSAL_MEMORY;
	case EINVAL:
	case EOPNOTSUPP:
		if (facts->mtu > 1500)
			return REFUSAL_MTU;
		if (facts->lro)
			return REFUSAL_LRO;
		if (facts->gro_hw)
			return REFUSAL_GRO_HW;
		return error == -EOPNOTSUPP ? REFUSAL_NO_NATIVE : REFUSAL_OTHER;
	default:
		return REFUSAL_OTHER;
	}
}

enum refusal attach_refusal(int error, const char *reason, const struct attach_facts *facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (has_word(reason, words[i].word))
			return words[i].refusal;
	return by_facts(error, facts);
}

static _printf_(3, 4) void say(char *buf, size_t n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(buf, n, format, ap);
	va_end(ap);
}

static void say_mtu(const struct attach_facts *facts, char *buf, size_t n)
{
	int mtu = facts->mtu > ATTACH_PAGE_MTU || strcmp(facts->kind, "veth") == 0 ? ATTACH_PAGE_MTU : 1500;

	if (strcmp(facts->kind, "veth") != 0)
		say(buf, n, "ip link set dev %s mtu %d", facts->ifname, mtu);
	else if (facts->under[0])
		say(buf, n, "ip link set dev %s mtu %d", facts->under, mtu);
	else
		say(buf, n, "in its other end's network namespace: ip link set dev PEER mtu %d", mtu);
}

static void say_queues(const struct attach_facts *facts, char *buf, size_t n)
{
	if (facts->channels.combined_most)
		say(buf, n, "fewer channels leave it send queues for the program: ethtool -L %s combined %u",
		    facts->ifname, fewer_channels(facts));
	else
		say(buf, n, "fewer channels leave it send queues for the program: ethtool -L %s rx N tx N",
		    facts->ifname);
}

static void say_peer_queues(const struct attach_facts *facts, char *buf, size_t n)
{
	const char *peer = facts->under[0] ? facts->under : "PEER";
	uint32_t rx = MAX(facts->channels.rx, 1u);

	if (facts->channels.rx_most > rx)
		say(buf, n, "ethtool -L %s rx %u", facts->ifname, facts->channels.rx_most);
	else
		say(buf, n, "%sethtool -L %s tx %u",
		    facts->under[0] ? "" : "in its other end's network namespace: ", peer, rx);
}

static void say_not_combined(const struct attach_facts *facts, char *buf, size_t n)
{
	say(buf, n, "receive and send must share their channels: ethtool -L %s rx 0 tx 0 combined %u", facts->ifname,
	    MAX(facts->channels.combined_most / 2, 1u));
}

static void say_no_native(const struct attach_facts *facts, char *buf, size_t n)
{
	if (strcmp(facts->kind, "vlan") == 0 && facts->under[0])
		say(buf, n,
		    "a VLAN device has no native mode, and the program sees tagged packets on its parent: "
		    "muster attach %s",
		    facts->under);
	else if (strncmp(facts->kind, "macv", 4) == 0 && facts->under[0])
		say(buf, n, "a %s has no native mode, and its packets come in by %s: muster attach %s", facts->kind,
		    facts->under, facts->under);
	else if (strcmp(facts->kind, "bridge") == 0)
		say(buf, n, "a bridge has no native mode, its ports may: muster attach %s",
		    facts->port[0] ? facts->port : "PORT");
	else
		say(buf, n, "the driver%s%s has none; generic mode works everywhere: muster attach %s --mode generic",
		    facts->driver[0] ? " " : "", facts->driver, facts->ifname);
}

/* What a guest sees of its network device is the host's to say. */
static void say_guest(const struct attach_facts *facts, enum refusal refusal, char *buf, size_t n)
{
	if (refusal == REFUSAL_SINGLE_PAGE)
		say(buf, n,
		    "only the virtual machine's host can change that for %s, in QEMU: -device "
		    "virtio-net-pci,disable-legacy=on",
		    facts->ifname);
	else
		say(buf, n,
		    "only the virtual machine's host can turn them off for %s, in QEMU: -device "
		    "virtio-net-pci,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off",
		    facts->ifname);
}

static void say_bond(const struct attach_facts *facts, enum refusal refusal, char *buf, size_t n)
{
	if (refusal == REFUSAL_BOND_MODE)
		say(buf, n, "ip link set dev %s type bond mode 802.3ad (or balance-rr, balance-xor, active-backup)",
		    facts->ifname);
	else
		say(buf, n, "each interface in %s needs native mode, and no program of its own: muster detach %s",
		    facts->ifname, facts->port[0] ? facts->port : "DEV");
}

static void say_todo(enum refusal refusal, const struct attach_facts *facts, char *buf, size_t n)
{
	const char *dev = facts->ifname;

	switch (refusal) {
	case REFUSAL_OTHER:
		return say(buf, n, "see what the driver told the kernel log: dmesg | grep %s", dev);
	case REFUSAL_MTU:
		return say_mtu(facts, buf, n);
	case REFUSAL_LRO:
		return say(buf, n, "ethtool -K %s lro off", dev);
	case REFUSAL_GRO_HW:
		return say(buf, n, "ethtool -K %s rx-gro-hw off lro off", dev);
	case REFUSAL_GUEST_OFFLOADS:
	case REFUSAL_SINGLE_PAGE:
		return say_guest(facts, refusal, buf, n);
	case REFUSAL_HEADER_SPLIT:
		return say(buf, n, "header and data must come in one buffer: ethtool -G %s tcp-data-split off", dev);
	case REFUSAL_QUEUES:
		return say_queues(facts, buf, n);
	case REFUSAL_PEER_QUEUES:
		return say_peer_queues(facts, buf, n);
	case REFUSAL_NOT_COMBINED:
		return say_not_combined(facts, buf, n);
	case REFUSAL_PEER_GONE:
		return say(buf, n, "%s leads nowhere any more: ip link del %s, and make the pair anew", dev, dev);
	case REFUSAL_UPPER:
		return say(buf, n, "take that program off first: bpftool net show, then muster detach %s",
			   facts->master[0] ? facts->master : "DEV");
	case REFUSAL_BOND_MODE:
	case REFUSAL_BOND_SLAVE:
		return say_bond(facts, refusal, buf, n);
	case REFUSAL_NO_NATIVE:
		return say_no_native(facts, buf, n);
	case REFUSAL_TAKEN:
		return say(buf, n,
			   "another program or mode holds %s: see `bpftool net show dev %s` and take it off first", dev,
			   dev);
	case REFUSAL_HELD:
		return say(buf, n, "a program was put on %s meanwhile, or a bpf_link holds it: bpftool link show", dev);
	case REFUSAL_RIGHTS:
		return say(buf, n, "CAP_NET_ADMIN is needed to put a program on %s: run as root", dev);
	case REFUSAL_MEMORY:
		return say(buf, n,
			   "the driver found no memory for its queues; shorter rings take less: ethtool -G %s rx N",
			   dev);
	}
}

const char *attach_hint(int error, const char *reason, const struct attach_facts *facts, char *buf, size_t n)
{
	char todo[320];

	say_todo(attach_refusal(error, reason, facts), facts, todo, sizeof(todo));
	snprintf(buf, n, "%s: %s", reason[0] ? reason : strerror(-error), todo);
	return buf;
}

const char *attach_misplaced(const struct attach_facts *facts, char *buf, size_t n)
{
	buf[0] = '\0';
	if (facts->type != ARPHRD_ETHER && facts->type != ARPHRD_LOOPBACK)
		say(buf, n,
		    "%s carries no Ethernet frames, of which the program reads services' packets; on a tap device "
		    "it would: ip tuntap add dev tap0 mode tap",
		    facts->ifname);
	else if (strcmp(facts->master_kind, "bond") == 0 || strcmp(facts->master_kind, "team") == 0)
		say(buf, n,
		    "%s is a slave of %s, which has the addresses and the routes, and puts the program on each of "
		    "its slaves: muster attach %s",
		    facts->ifname, facts->master, facts->master);
	return buf;
}

const char *attach_trap(const struct attach_facts *facts, char *buf, size_t n)
{
	buf[0] = '\0';
	if (facts->carries_vlans && facts->strips_vlans)
		say(buf, n,
		    "%s takes VLAN tags off before the program sees them, so a tagged packet would be balanced as "
		    "an untagged one: ethtool -K %s rxvlan off",
		    facts->ifname, facts->ifname);
	return buf;
}
