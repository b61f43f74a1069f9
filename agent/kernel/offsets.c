// SPDX-License-Identifier: GPL-2.0-or-later
#include "offsets.h"

#include <bpf/btf.h>
#include <stdio.h>

#define NATIVE_MODE 1 /* XDP_MODE_DRV, of enum bpf_xdp_mode */

void offsets_btf_free(struct btf **btf)
{
	btf__free(*btf);
	*btf = NULL;
}

/* Bytes from the start of a structure to a member, also inside nameless structures and unions; -ENOENT. */
static int64_t member_in(const struct btf *btf, const struct btf_type *type, const char *member, int depth)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, members[i].name_off);
		int64_t offset = btf_member_bit_offset(type, i) / 8, inner;
		const struct btf_type *nested;

		if (name && strcmp(name, member) == 0)
			return offset;
		nested = name && name[0] ? NULL : btf__type_by_id(btf, members[i].type);
		if (!nested || !btf_is_composite(nested) || depth == 0)
			continue;
		inner = member_in(btf, nested, member, depth - 1);
		if (inner >= 0)
			return offset + inner;
	}
	return -ENOENT;
}

static int find(const struct btf *btf, const char *structure, const char *member, uint32_t *out, char *why, size_t n)
{
	int32_t id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	int64_t offset = id > 0 ? member_in(btf, btf__type_by_id(btf, (uint32_t)id), member, 4) : -ENOENT;

	if (offset < 0) {
		snprintf(why, n, "this kernel's struct %s has no member %s", structure, member);
		return -ENOENT;
	}
	*out = (uint32_t)offset;
	return 0;
}

int offsets_find(const struct btf *btf, struct muster_offsets *out, char *why, size_t n)
{
	uint32_t state = 0, entity_prog = 0, entity_link = 0, link = 0, prog = 0;
	const struct {
		const char *structure, *member;
		uint32_t *out;
	} wanted[] = {
		{"bpf_prog", "aux", &out->prog_aux},
		{"bpf_prog_aux", "used_maps", &out->aux_used_maps},
		{"bpf_prog_aux", "used_map_cnt", &out->aux_used_map_cnt},
		{"net_device", "ifindex", &out->dev_ifindex},
		{"net_device", "xdp_state", &state},
		{"bpf_xdp_entity", "prog", &entity_prog},
		{"bpf_xdp_entity", "link", &entity_link},
		{"bpf_xdp_link", "link", &link},
		{"bpf_link", "prog", &prog},
	};
	int64_t entity;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int r = find(btf, wanted[i].structure, wanted[i].member, wanted[i].out, why, n);

		if (r < 0)
			return r;
	}
	entity = btf__resolve_size(btf, (uint32_t)btf__find_by_name_kind(btf, "bpf_xdp_entity", BTF_KIND_STRUCT));
	state += NATIVE_MODE * (uint32_t)entity;
	out->dev_native_prog = state + entity_prog;
	out->dev_native_link = state + entity_link;
	out->link_prog = link + prog;
	return 0;
}

int offsets_check_tracepoint(const struct btf *btf, const char *type, uint16_t parameters, char *why, size_t n)
{
	int32_t id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	/* typedef void (*btf_trace_NAME)(void *context, ...) */
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
	if (t && btf_is_func_proto(t) && btf_vlen(t) == parameters)
		return 0;
	snprintf(why, n, "this kernel's tracepoint %s is not what this version knows", type + strlen("btf_trace_"));
	return -EPROTO;
}
