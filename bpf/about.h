/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Version and ABI of this object: who upgrades compares them before anything is loaded. */
#ifndef MUSTER_BPF_ABOUT_H
#define MUSTER_BPF_ABOUT_H

#include <bpf/bpf_helpers.h>
#include <muster/about.h>
#include <muster/maps.h>

SEC(MUSTER_ABOUT) const struct muster_about muster_about = {.abi = MUSTER_ABI, .version = MUSTER_VERSION};

#endif
