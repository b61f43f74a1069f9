/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the running kernel's structures keep what bpf/failures.h reads, from the kernel's BTF. */
#ifndef MUSTER_KERNEL_OFFSETS_H
#define MUSTER_KERNEL_OFFSETS_H

#include <muster/maps.h>

#include "../base.h"

struct btf;

void offsets_btf_free(struct btf **btf);
/* -ENOENT with `why` when the kernel has no such structure or member. */
int offsets_find(const struct btf *btf, struct muster_offsets *out, char *why, size_t n);
/* -EPROTO with `why` when the tracepoint's type has another number of parameters (the context included), or is not there. */
int offsets_check_tracepoint(const struct btf *btf, const char *type, uint16_t parameters, char *why, size_t n);

#endif
