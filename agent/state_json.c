// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <jansson.h>
#include <stdarg.h>

#include "address.h"

#define STATE_SCHEMA 1

enum field_type {
	FIELD_TEXT,    /* char[size] */
	FIELD_NAME,    /* char[size], the name of a service or server */
	FIELD_NUMBER,  /* an integer of `size` bytes, 0 to `max` */
	FIELD_TIME,    /* an int64_t; an end re-based early in a boot lies before that boot's zero */
	FIELD_FLAG,    /* bool */
	FIELD_ADDRESS, /* left out when it is all zero */
	FIELD_KIND,    /* enum order_kind, by name */
	FIELD_ACTION,  /* overlay.remove, by name */
};

/* The fields of one kind of object: read and written by the same table. */
struct field {
	const char *name;
	enum field_type type;
	size_t offset, size;
	int64_t max;
	bool optional; /* the files of older versions lack it: 0, false, "" */
};

#define FIELD(struct_type, name, type, member, ...)                                                                    \
	{                                                                                                              \
		name, type, offsetof(struct_type, member), sizeof(((struct_type *)0)->member), __VA_ARGS__             \
	}

static const struct field order_fields[] = {
	FIELD(struct order, "id", FIELD_NUMBER, id, INT64_MAX - 1),
	FIELD(struct order, "kind", FIELD_KIND, kind, 0),
	FIELD(struct order, "service", FIELD_NAME, service, 0),
	FIELD(struct order, "server", FIELD_NAME, server, 0),
	FIELD(struct order, "weight", FIELD_NUMBER, weight, SERVER_WEIGHT_MAX),
	FIELD(struct order, "reason", FIELD_TEXT, reason, 0),
	FIELD(struct order, "owner", FIELD_TEXT, owner, 0),
	FIELD(struct order, "owner_uid", FIELD_NUMBER, owner_uid, UINT32_MAX),
	FIELD(struct order, "claim", FIELD_TEXT, claim, 0),
	FIELD(struct order, "wall_start_ms", FIELD_TIME, wall_start_ms, 0),
	FIELD(struct order, "wall_end_ms", FIELD_TIME, wall_end_ms, 0),
	FIELD(struct order, "boot_id", FIELD_TEXT, boot_id, 0),
	FIELD(struct order, "boot_end_ms", FIELD_TIME, boot_end_ms, 0),
	FIELD(struct order, "overdue", FIELD_FLAG, overdue, 0),
	FIELD(struct order, "length_ms", FIELD_TIME, length_ms, 0, true),
	FIELD(struct order, "term_ms", FIELD_TIME, term_ms, 0, true),
	FIELD(struct order, "kill_after_ms", FIELD_NUMBER, kill_after_ms, INT64_MAX, true),
	FIELD(struct order, "no_recall", FIELD_FLAG, no_recall, 0, true),
	FIELD(struct order, "warned", FIELD_FLAG, warned, 0, true),
	FIELD(struct order, "killed", FIELD_FLAG, killed, 0, true),
	FIELD(struct order, "reminders", FIELD_NUMBER, reminders, UINT32_MAX, true),
	FIELD(struct order, "suspended", FIELD_FLAG, suspended, 0, true),
	FIELD(struct order, "suspended_wall_ms", FIELD_TIME, suspended_wall_ms, 0, true),
	FIELD(struct order, "suspended_why", FIELD_TEXT, suspended_why, 0, true),
	{},
};

static const struct field overlay_fields[] = {
	FIELD(struct overlay, "action", FIELD_ACTION, remove, 0),
	FIELD(struct overlay, "service", FIELD_NAME, service, 0),
	FIELD(struct overlay, "server", FIELD_NAME, server, 0),
	FIELD(struct overlay, "address", FIELD_ADDRESS, addr, 0),
	FIELD(struct overlay, "port", FIELD_NUMBER, port, UINT16_MAX),
	FIELD(struct overlay, "weight", FIELD_NUMBER, weight, SERVER_WEIGHT_MAX),
	FIELD(struct overlay, "owner", FIELD_TEXT, owner, 0),
	FIELD(struct overlay, "wall_ms", FIELD_TIME, wall_ms, 0),
	{},
};

static const struct field file_fields[] = {
	FIELD(struct state, "next_id", FIELD_NUMBER, next_id, INT64_MAX),
	FIELD(struct state, "wall_saved_ms", FIELD_TIME, wall_saved_ms, 0),
	{},
};

static const char *const kind_names[] = {
	[ORDER_DRAIN] = "drain", [ORDER_WEIGHT] = "weight", [ORDER_MAINTENANCE] = "maintenance"};
static const char *const action_names[] = {"add", "remove"};

/* Where the reading stands, for messages: "orders[3]". */
struct place {
	const char *list;
	size_t index;
	char *why;
	size_t n;
};

static int damaged(const struct place *place, const char *format, ...) _printf_(2, 3);
static int damaged(const struct place *place, const char *format, ...)
{
	va_list ap;
	int used = 0;

	if (place->list)
		used = snprintf(place->why, place->n, "%s[%zu]: ", place->list, place->index);
	if (used < 0 || (size_t)used >= place->n)
		return -EINVAL;
	va_start(ap, format);
	vsnprintf(place->why + used, place->n - used, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int find_name(const char *text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -EINVAL;
}

static int read_number(const struct field *field, const json_t *value, void *to, const struct place *place)
{
	int64_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > field->max)
		return damaged(place, "'%s' is not a number from 0 to %lld", field->name, (long long)field->max);
	switch (field->size) {
	case 2:
		*(uint16_t *)to = number;
		return 0;
	case 4:
		*(uint32_t *)to = number;
		return 0;
	default:
		*(uint64_t *)to = number;
		return 0;
	}
}

static int read_text(const struct field *field, const char *text, void *to, const struct place *place)
{
	int found = 0;

	switch (field->type) {
	case FIELD_KIND:
		found = find_name(text, kind_names, ARRAY_SIZE(kind_names));
		*(enum order_kind *)to = found < 0 ? ORDER_DRAIN : found;
		break;
	case FIELD_ACTION:
		found = find_name(text, action_names, ARRAY_SIZE(action_names));
		*(bool *)to = found > 0;
		break;
	case FIELD_ADDRESS:
		found = address_parse(text, to);
		break;
	default:
		if (strlen(text) >= field->size || (field->type == FIELD_NAME && config_name_fault(text)))
			found = -EINVAL;
		else
			memcpy(to, text, strlen(text) + 1);
	}
	return found < 0 ? damaged(place, "'%s' has the impossible text '%.64s'", field->name, text) : 0;
}

static int read_field(const struct field *field, const json_t *value, void *base, const struct place *place)
{
	void *to = (char *)base + field->offset;

	if (!value && (field->optional || field->type == FIELD_ADDRESS))
		return 0;
	if (!value)
		return damaged(place, "'%s' is missing", field->name);
	if (field->type == FIELD_NUMBER)
		return read_number(field, value, to, place);
	if (field->type == FIELD_TIME) {
		*(int64_t *)to = json_integer_value(value);
		return json_is_integer(value) ? 0 : damaged(place, "'%s' is not a time", field->name);
	}
	if (field->type == FIELD_FLAG) {
		*(bool *)to = json_is_true(value);
		return json_is_boolean(value) ? 0 : damaged(place, "'%s' is not true or false", field->name);
	}
	if (!json_is_string(value))
		return damaged(place, "'%s' is not a text", field->name);
	return read_text(field, json_string_value(value), to, place);
}

/* `others` are keys that the caller reads by itself; ends with NULL. */
static int read_object(const struct field *fields, const json_t *object, void *base, const char *const *others,
		       const struct place *place)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return damaged(place, "not an object");
	for (const struct field *field = fields; field->name; field++) {
		int r = read_field(field, json_object_get(object, field->name), base, place);

		if (r < 0)
			return r;
	}
	json_object_foreach((json_t *)object, key, value)
	{
		const struct field *field = fields;
		const char *const *other = others;

		while (field->name && strcmp(field->name, key))
			field++;
		while (*other && strcmp(*other, key))
			other++;
		if (!field->name && !*other)
			return damaged(place, "unknown key '%.64s'", key);
	}
	return 0;
}

static const char *const no_others[] = {NULL};

static int read_orders(const json_t *list, struct state *state, char *why, size_t n)
{
	struct place place = {"orders", 0, why, n};
	json_t *value;

	json_array_foreach(list, place.index, value)
	{
		struct order order = {};
		int r = read_object(order_fields, value, &order, no_others, &place);

		if (!r && (!order.id || order.id >= state->next_id))
			r = damaged(&place, "id %llu is not below next_id %llu", (unsigned long long)order.id,
				    (unsigned long long)state->next_id);
		if (!r && !order.server[0])
			r = damaged(&place, "no server");
		lease_of_old(&order);
		for (size_t i = 0; i < state->n_orders && !r; i++)
			if (state->orders[i].id == order.id)
				r = damaged(&place, "id %llu stands twice", (unsigned long long)order.id);
		r = r < 0 ? r : state_add_order(state, &order);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_overlays(const json_t *list, struct state *state, char *why, size_t n)
{
	struct place place = {"overlays", 0, why, n};
	json_t *value;

	json_array_foreach(list, place.index, value)
	{
		struct overlay overlay = {};
		int r = read_object(overlay_fields, value, &overlay, no_others, &place);

		if (!r && overlay.remove == !!json_object_get(value, "address"))
			r = damaged(&place, overlay.remove ? "remove has an 'address'" : "add has no 'address'");
		r = r < 0 ? r : state_add_overlay(state, &overlay);
		if (r < 0)
			return r;
	}
	return 0;
}

static int state_read(const char *text, struct state *state, char *why, size_t n)
{
	static const char *const others[] = {"schema", "orders", "overlays", NULL};
	struct place place = {NULL, 0, why, n};
	json_error_t error;
	_cleanup_(json_decrefp) json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	const json_t *orders = json_object_get(root, "orders"), *overlays = json_object_get(root, "overlays");
	int r;

	if (!root)
		return damaged(&place, "line %d, column %d: %s", error.line, error.column, error.text);
	if (json_integer_value(json_object_get(root, "schema")) != STATE_SCHEMA)
		return damaged(&place, "not of schema %d: another version wrote it", STATE_SCHEMA);
	r = read_object(file_fields, root, state, others, &place);
	if (!r && (!state->next_id || !json_is_array(orders) || !json_is_array(overlays)))
		r = damaged(&place, "next_id, orders or overlays are missing or no lists");
	if (!r)
		r = read_orders(orders, state, why, n);
	return r < 0 ? r : read_overlays(overlays, state, why, n);
}

int state_parse(const char *text, struct state **out, char *why, size_t n)
{
	_cleanup_(state_free) struct state *state = calloc(1, sizeof(*state));
	int r = 0;

	if (!state)
		return -ENOMEM;
	state->next_id = 1;
	if (text)
		r = state_read(text, state, why, n);
	if (r < 0)
		return r;
	*out = TAKE_PTR(state);
	return 0;
}

/* Text that JSON can hold: what came over the wire cut in the middle of a character must not stop a save. */
static json_t *json_text(const char *text)
{
	char copy[LEASE_REASON_SIZE];
	json_t *json = json_string(text);

	if (json)
		return json;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(copy);
}

static int64_t number_at(const void *from, size_t size)
{
	if (size == 2)
		return *(const uint16_t *)from;
	return size == 4 ? *(const uint32_t *)from : *(const int64_t *)from;
}

static json_t *write_field(const struct field *field, const void *base)
{
	const void *from = (const char *)base + field->offset;
	char text[ADDRESS_TEXT_SIZE];

	switch (field->type) {
	case FIELD_NUMBER:
		return json_integer(number_at(from, field->size));
	case FIELD_TIME:
		return json_integer(*(const int64_t *)from);
	case FIELD_FLAG:
		return json_boolean(*(const bool *)from);
	case FIELD_KIND:
		return json_string(kind_names[*(const enum order_kind *)from]);
	case FIELD_ACTION:
		return json_string(action_names[*(const bool *)from]);
	case FIELD_ADDRESS:
		return json_string(address_format(from, text));
	default:
		return json_text(from);
	}
}

static int write_fields(const struct field *fields, const void *base, bool address, json_t *object)
{
	for (const struct field *field = fields; field->name; field++)
		if ((field->type != FIELD_ADDRESS || address) &&
		    json_object_set_new(object, field->name, write_field(field, base)) < 0)
			return -ENOMEM;
	return 0;
}

static json_t *write_lists(const struct state *state, json_t *root)
{
	json_t *orders = json_array(), *overlays = json_array();
	int r = json_object_set_new(root, "orders", orders);

	r |= json_object_set_new(root, "overlays", overlays);
	for (size_t i = 0; i < state->n_orders && !r; i++) {
		json_t *object = json_object();

		r = json_array_append_new(orders, object);
		r = r < 0 ? r : write_fields(order_fields, &state->orders[i], false, object);
	}
	for (size_t i = 0; i < state->n_overlays && !r; i++) {
		json_t *object = json_object();

		r = json_array_append_new(overlays, object);
		r = r < 0 ? r : write_fields(overlay_fields, &state->overlays[i], !state->overlays[i].remove, object);
	}
	return r ? NULL : root;
}

char *state_format(const struct state *state)
{
	_cleanup_(json_decrefp) json_t *root = json_pack("{s:i}", "schema", STATE_SCHEMA);

	if (!root || write_fields(file_fields, state, false, root) < 0 || !write_lists(state, root))
		return NULL;
	return json_dumps(root, JSON_INDENT(1));
}
