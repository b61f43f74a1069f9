// SPDX-License-Identifier: GPL-2.0-or-later
/* Each refusal of a driver, in the kernel's words, becomes one line with what to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/hints.h"

#include <linux/if_arp.h>

static struct attach_facts nic(void)
{
	return (struct attach_facts){
		.ifname = "eth1",
		.driver = "ixgbe",
		.type = ARPHRD_ETHER,
		.mtu = 1500,
		.channels = {.combined = 8, .combined_most = 8},
	};
}

static struct attach_facts virtual(const char *kind, const char *under)
{
	struct attach_facts facts = {.ifname = "dev1", .type = ARPHRD_ETHER, .mtu = 1500};

	snprintf(facts.kind, sizeof(facts.kind), "%s", kind);
	snprintf(facts.driver, sizeof(facts.driver), "%s", kind);
	snprintf(facts.under, sizeof(facts.under), "%s", under);
	return facts;
}

static void assert_hint(int error, const char *reason, const struct attach_facts *facts, const char *expected)
{
	char text[512];

	assert_string_equal(attach_hint(error, reason, facts, text, sizeof(text)), expected);
	assert_null(strchr(text, '\n'));
}

static void assert_refusal(int error, const char *reason, const struct attach_facts *facts, enum refusal expected)
{
	if (attach_refusal(error, reason, facts) != expected)
		fail_msg("\"%s\" (%s) is taken for refusal %d, not %d", reason, strerror(-error),
			 attach_refusal(error, reason, facts), expected);
}

/* The drivers' sentences, as they stand in Linux 6.1 to 6.18. */
static void drivers_sentences_are_understood(void **state)
{
	static const struct {
		int error;
		const char *sentence;
		enum refusal refusal;
	} said[] = {
		{-ERANGE, "veth: Peer MTU is too large to set XDP", REFUSAL_MTU},
		{-EINVAL, "virtio_net: MTU too large to enable XDP without frags", REFUSAL_MTU},
		{-EINVAL, "i40e: MTU too large for linear frames and XDP prog does not support frags", REFUSAL_MTU},
		{-EOPNOTSUPP, "igc: Jumbo frames not supported", REFUSAL_MTU},
		{-EOPNOTSUPP, "hv_netvsc: XDP: mtu too large", REFUSAL_MTU},
		{-EINVAL,
		 "ena: Failed to set xdp program, the current MTU is larger than the maximum allowed MTU. Check the "
		 "dmesg for more info",
		 REFUSAL_MTU},
		{-EINVAL, "ionic: MTU is too large for XDP without frags support", REFUSAL_MTU},
		{-EOPNOTSUPP, "hv_netvsc: XDP: not support LRO", REFUSAL_LRO},
		{-EINVAL, "mlx5_core: can't set XDP while HW-GRO/LRO is on, disable them first", REFUSAL_GRO_HW},
		{-EOPNOTSUPP,
		 "virtio_net: Can't set XDP while host is implementing GRO_HW/CSUM, disable GRO_HW/CSUM first",
		 REFUSAL_GUEST_OFFLOADS},
		{-EOPNOTSUPP, "virtio_net: Can't set XDP while host is implementing LRO, disable LRO first",
		 REFUSAL_GUEST_OFFLOADS},
		{-EINVAL, "virtio_net: XDP expects header/data in single page, any_header_sg required",
		 REFUSAL_SINGLE_PAGE},
		{-EBUSY, "unable to propagate XDP to device using tcp-data-split", REFUSAL_HEADER_SPLIT},
		{-ENOSPC, "veth: XDP expects number of rx queues not less than peer tx queues", REFUSAL_PEER_QUEUES},
		{-ENOMEM, "virtio_net: Too few free TX rings available", REFUSAL_QUEUES},
		{-EINVAL, "nfp: Insufficient number of TX rings w/ XDP enabled", REFUSAL_QUEUES},
		{-EINVAL,
		 "ena: Failed to set xdp program, there is no enough space for allocating XDP queues, Check the dmesg "
		 "for more info",
		 REFUSAL_QUEUES},
		{-EOPNOTSUPP, "ionic: XDP not supported when using split interrupts", REFUSAL_NOT_COMBINED},
		{-EOPNOTSUPP, "bnxt_en: ethtool rx/tx channels must be combined to support XDP.", REFUSAL_NOT_COMBINED},
		{-ENOTCONN, "veth: Cannot set XDP when peer is detached", REFUSAL_PEER_GONE},
		{-EEXIST, "Cannot attach when an upper device already has a program", REFUSAL_UPPER},
		{-EOPNOTSUPP, "bond0: No native XDP support for the current bonding mode", REFUSAL_BOND_MODE},
		{-EOPNOTSUPP, "bond0: Slave device does not support XDP", REFUSAL_BOND_SLAVE},
		{-EEXIST, "bond0: Slave has XDP program loaded, please unload before enslaving", REFUSAL_BOND_SLAVE},
		{-EEXIST, "Native and generic XDP can't be active at the same time", REFUSAL_TAKEN},
		{-EBUSY, "XDP program already attached", REFUSAL_TAKEN},
		{-EEXIST, "Active program does not match expected", REFUSAL_TAKEN},
		{-EBUSY, "Can't replace active XDP link", REFUSAL_HELD},
		{-EOPNOTSUPP, "Underlying driver does not support XDP in native mode", REFUSAL_NO_NATIVE},
	};
	struct attach_facts facts = nic();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		assert_refusal(said[i].error, said[i].sentence, &facts, said[i].refusal);
}

/* Drivers that say why only in the kernel log, or nowhere: ixgbe, mlx5, bnxt. */
static void settings_tell_where_the_driver_is_silent(void **state)
{
	struct attach_facts facts = nic();

	(void)state;
	assert_refusal(-EINVAL, "", &facts, REFUSAL_OTHER);
	assert_refusal(-EOPNOTSUPP, "", &facts, REFUSAL_NO_NATIVE);
	facts.gro_hw = true;
	assert_refusal(-EINVAL, "", &facts, REFUSAL_GRO_HW);
	facts.lro = true;
	assert_refusal(-EINVAL, "", &facts, REFUSAL_LRO);
	facts.mtu = 9000;
	assert_refusal(-EINVAL, "", &facts, REFUSAL_MTU);
	assert_refusal(-ENOMEM, "", &facts, REFUSAL_QUEUES);
	facts.channels.combined = 4;
	assert_refusal(-ENOMEM, "", &facts, REFUSAL_MEMORY);
	assert_refusal(-EPERM, "", &facts, REFUSAL_RIGHTS);
}

static void hardware_gets_a_command(void **state)
{
	struct attach_facts facts = nic();

	(void)state;
	facts.mtu = 9000;
	assert_hint(-EINVAL, "MTU too large", &facts, "MTU too large: ip link set dev eth1 mtu 3498");
	facts.mtu = 3000;
	assert_hint(-EINVAL, "MTU too large", &facts, "MTU too large: ip link set dev eth1 mtu 1500");
	facts.mtu = 1500;
	facts.lro = true;
	assert_hint(-EINVAL, "", &facts, "Invalid argument: ethtool -K eth1 lro off");
	assert_hint(-EINVAL, "no HW-GRO", &facts, "no HW-GRO: ethtool -K eth1 rx-gro-hw off lro off");
	assert_hint(
		-ENOMEM, "", &facts,
		"Cannot allocate memory: fewer channels leave it send queues for the program: ethtool -L eth1 combined "
		"4");
	assert_hint(
		-EINVAL, "must be combined", &facts,
		"must be combined: receive and send must share their channels: ethtool -L eth1 rx 0 tx 0 combined 4");
	assert_hint(-EINVAL, "HDS is enabled", &facts,
		    "HDS is enabled: header and data must come in one buffer: ethtool -G eth1 tcp-data-split off");
	facts.lro = false;
	assert_hint(-EINVAL, "", &facts,
		    "Invalid argument: see what the driver told the kernel log: dmesg | grep eth1");
	assert_hint(
		-EOPNOTSUPP, "", &facts,
		"Operation not supported: the driver ixgbe has none; generic mode works everywhere: muster attach eth1 "
		"--mode generic");
	assert_hint(-EIO, "", &facts, "Input/output error: see what the driver told the kernel log: dmesg | grep eth1");
}

static void guests_offloads_are_the_hosts(void **state)
{
	struct attach_facts facts = virtual("", "");

	(void)state;
	assert_hint(
		-EOPNOTSUPP, "host is implementing", &facts,
		"host is implementing: only the virtual machine's host can turn them off for dev1, in QEMU: -device "
		"virtio-net-pci,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off");
	assert_hint(
		-EINVAL, "any_header_sg required", &facts,
		"any_header_sg required: only the virtual machine's host can change that for dev1, in QEMU: -device "
		"virtio-net-pci,disable-legacy=on");
}

static void virtual_devices_name_the_better_place(void **state)
{
	struct attach_facts facts = virtual("vlan", "eth1");

	(void)state;
	assert_hint(
		-EOPNOTSUPP, "no native mode", &facts,
		"no native mode: a VLAN device has no native mode, and the program sees tagged packets on its parent: "
		"muster attach eth1");
	facts = virtual("macvlan", "eth1");
	assert_hint(
		-EOPNOTSUPP, "no native mode", &facts,
		"no native mode: a macvlan has no native mode, and its packets come in by eth1: muster attach eth1");
	facts = virtual("bridge", "");
	assert_hint(-EOPNOTSUPP, "no native mode", &facts,
		    "no native mode: a bridge has no native mode, its ports may: muster attach PORT");
	snprintf(facts.port, sizeof(facts.port), "eth2");
	assert_hint(-EOPNOTSUPP, "no native mode", &facts,
		    "no native mode: a bridge has no native mode, its ports may: muster attach eth2");
	facts = virtual("bond", "");
	assert_hint(
		-EOPNOTSUPP, "the current bonding mode", &facts,
		"the current bonding mode: ip link set dev dev1 type bond mode 802.3ad (or balance-rr, balance-xor, "
		"active-backup)");
	snprintf(facts.port, sizeof(facts.port), "eth2");
	assert_hint(-EOPNOTSUPP, "Slave device", &facts,
		    "Slave device: each interface in dev1 needs native mode, and no program of its own: muster detach "
		    "eth2");
}

static void veth_names_its_other_end(void **state)
{
	struct attach_facts facts = virtual("veth", "dev2");

	(void)state;
	assert_hint(-ERANGE, "", &facts, "Numerical result out of range: ip link set dev dev2 mtu 3498");
	facts.channels.rx = facts.channels.rx_most = 1;
	assert_hint(-ENOSPC, "peer tx queues", &facts, "peer tx queues: ethtool -L dev2 tx 1");
	facts.channels.rx_most = 4;
	assert_hint(-ENOSPC, "peer tx queues", &facts, "peer tx queues: ethtool -L dev1 rx 4");
	facts = virtual("veth", "");
	assert_hint(-ENOSPC, "peer tx queues", &facts,
		    "peer tx queues: in its other end's network namespace: ethtool -L PEER tx 1");
	assert_hint(
		-ERANGE, "", &facts,
		"Numerical result out of range: in its other end's network namespace: ip link set dev PEER mtu 3498");
}

static void others_are_named(void **state)
{
	struct attach_facts facts = nic();

	(void)state;
	assert_hint(
		-EEXIST, "can't be active", &facts,
		"can't be active: another program or mode holds eth1: see `bpftool net show dev eth1` and take it off "
		"first");
	assert_hint(
		-EBUSY, "", &facts,
		"Device or resource busy: a program was put on eth1 meanwhile, or a bpf_link holds it: bpftool link "
		"show");
	snprintf(facts.master, sizeof(facts.master), "br0");
	assert_hint(-EEXIST, "upper device", &facts,
		    "upper device: take that program off first: bpftool net show, then muster detach br0");
	assert_hint(-EPERM, "", &facts,
		    "Operation not permitted: CAP_NET_ADMIN is needed to put a program on eth1: run as root");
}

static void no_program_where_it_has_no_business(void **state)
{
	struct attach_facts facts = nic();
	char text[384];

	(void)state;
	assert_string_equal(attach_misplaced(&facts, text, sizeof(text)), "");
	snprintf(facts.master, sizeof(facts.master), "br0");
	snprintf(facts.master_kind, sizeof(facts.master_kind), "bridge");
	assert_string_equal(attach_misplaced(&facts, text, sizeof(text)), "");
	snprintf(facts.master, sizeof(facts.master), "bond0");
	snprintf(facts.master_kind, sizeof(facts.master_kind), "bond");
	assert_non_null(strstr(attach_misplaced(&facts, text, sizeof(text)), "eth1 is a slave of bond0"));
	assert_non_null(strstr(text, "muster attach bond0"));
	facts = virtual("tun", "");
	facts.type = ARPHRD_NONE;
	assert_non_null(strstr(attach_misplaced(&facts, text, sizeof(text)), "dev1 carries no Ethernet frames"));
}

static void what_will_happen_is_said_before(void **state)
{
	struct attach_facts facts = nic();
	char text[256];

	(void)state;
	assert_string_equal(
		attach_warning(&facts, text, sizeof(text)),
		"eth1 (ixgbe) closes and opens its link when a program comes or goes: for up to some seconds it "
		"carries nothing");
	snprintf(facts.driver, sizeof(facts.driver), "mlx5_core");
	assert_string_equal(
		attach_warning(&facts, text, sizeof(text)),
		"eth1 (mlx5_core) makes its queues anew when a program comes or goes: for a moment its packets "
		"are lost");
	snprintf(facts.driver, sizeof(facts.driver), "veth");
	assert_string_equal(attach_warning(&facts, text, sizeof(text)), "");
}

static void stripped_tags_are_a_trap(void **state)
{
	struct attach_facts facts = nic();
	char text[256];

	(void)state;
	facts.strips_vlans = true;
	assert_string_equal(attach_trap(&facts, text, sizeof(text)), "");
	facts.carries_vlans = true;
	assert_non_null(strstr(attach_trap(&facts, text, sizeof(text)), "ethtool -K eth1 rxvlan off"));
	facts.strips_vlans = false;
	assert_string_equal(attach_trap(&facts, text, sizeof(text)), "");
}

static void long_sentences_are_cut(void **state)
{
	struct attach_facts facts = nic();
	char text[32];

	(void)state;
	memset(text, 'x', sizeof(text));
	attach_hint(-ERANGE, "Peer MTU is too large to set XDP", &facts, text, 12);
	assert_int_equal(strlen(text), 11);
	assert_int_equal(text[12], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drivers_sentences_are_understood),
		cmocka_unit_test(settings_tell_where_the_driver_is_silent),
		cmocka_unit_test(hardware_gets_a_command),
		cmocka_unit_test(guests_offloads_are_the_hosts),
		cmocka_unit_test(virtual_devices_name_the_better_place),
		cmocka_unit_test(veth_names_its_other_end),
		cmocka_unit_test(others_are_named),
		cmocka_unit_test(no_program_where_it_has_no_business),
		cmocka_unit_test(what_will_happen_is_said_before),
		cmocka_unit_test(stripped_tags_are_a_trap),
		cmocka_unit_test(long_sentences_are_cut),
	};

	return cmocka_run_group_tests_name("hints", tests, NULL, NULL);
}
