// SPDX-License-Identifier: GPL-2.0-or-later
#include "api_call.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../control.h"
#include "utf8.h"

#define DISCARD_BYTES (16 * API_BODY_BYTES) /* of a body too long: read to its end, so that the answer is heard */

#define NO_MEMORY "{\"schema\":1,\"result\":\"failed\",\"message\":\"no memory for the answer\"}"

static struct api_call *call_new(struct api *api, struct MHD_Connection *connection)
{
	struct api_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->api = api;
	call->connection = connection;
	call->next = api->calls;
	call->link = &api->calls;
	if (call->next)
		call->next->link = &call->next;
	api->calls = call;
	return call;
}

void call_free(struct api_call *call)
{
	if (call->api) {
		*call->link = call->next;
		if (call->next)
			call->next->link = call->link;
		if (call->state == CALL_STREAM)
			call->api->n_streams--;
	}
	sd_event_source_disable_unref(call->watch);
	json_decref(call->body);
	json_decref(call->query);
	free(call->text);
	free(call->reply);
	free(call->pending);
	free(call);
}

static int call_fd(const struct api_call *call)
{
	return MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void call_hang_up(struct api_call *call)
{
	call->hung_up = true;
	if (call->connection)
		shutdown(call_fd(call), SHUT_RDWR);
	call_resume(call);
}

static int on_hang_up(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	call_hang_up(userdata);
	return 0;
}

/* The daemon does not look at a suspended connection; without the watch, peers that left would fill its limit. */
bool call_suspend(struct api_call *call)
{
	sd_event *event = sd_event_source_get_event(call->api->io);

	if (call->hung_up || call->api->closing)
		return false;
	if (!call->watch) {
		/* No events asked for: EPOLLHUP and EPOLLERR come unasked, a half-closed peer still listens. */
		if (sd_event_add_io(event, &call->watch, call_fd(call), 0, on_hang_up, call) < 0)
			return false;
		sd_event_source_set_enabled(call->watch, SD_EVENT_ONESHOT);
	}
	call->suspended = true;
	MHD_suspend_connection(call->connection);
	return true;
}

void call_resume(struct api_call *call)
{
	if (!call->suspended)
		return;
	call->suspended = false;
	MHD_resume_connection(call->connection);
	api_kick(call->api);
}

static void answer_fault(struct api_call *call, unsigned status, const char *result, const char *message)
{
	char clean[256]; /* it may quote what the peer sent */

	utf8_clean(message, clean, sizeof(clean));
	api_answer(call, status,
		   json_pack("{s:i, s:s, s:s}", "schema", CONTROL_SCHEMA, "result", result, "message", clean));
}

static enum MHD_Result take_body(struct api_call *call, const char *data, size_t size)
{
	char *text;

	if (call->length + size > API_BODY_BYTES) {
		free(TAKE_PTR(call->text));
		call->length += size;
		return call->length > DISCARD_BYTES ? MHD_NO : MHD_YES;
	}
	text = realloc(call->text, call->length + size);
	if (!text)
		return MHD_NO;
	memcpy(text + call->length, data, size);
	call->text = text;
	call->length += size;
	return MHD_YES;
}

/* The body as an object; answers by itself when it is none. */
static bool parse_body(struct api_call *call)
{
	json_error_t error;
	char message[256];

	if (call->length > API_BODY_BYTES) {
		answer_fault(call, MHD_HTTP_CONTENT_TOO_LARGE, "usage", "the body is longer than 1 MiB");
		return false;
	}
	if (call->length == 0) {
		call->body = json_object();
		return true;
	}
	call->body = json_loadb(call->text, call->length, JSON_REJECT_DUPLICATES, &error);
	free(TAKE_PTR(call->text));
	if (!call->body)
		snprintf(message, sizeof(message), "the body is not JSON: line %d column %d: %s", error.line,
			 error.column, error.text);
	else if (!json_is_object(call->body))
		snprintf(message, sizeof(message), "the body is JSON, but not an object");
	else
		return true;
	answer_fault(call, MHD_HTTP_BAD_REQUEST, "usage", message);
	return false;
}

static enum MHD_Result take_argument(void *userdata, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct api_call *call = userdata;

	(void)kind;
	/* Not UTF-8: as if it were not there. */
	json_object_set_new(call->query, key, json_string(value ? value : ""));
	return MHD_YES;
}

static const struct api_route *find_route(struct api_call *call, const char *method, const char *path)
{
	const struct api_route *other = NULL;
	char message[256];

	for (const struct api_route *route = call->api->routes; route->path; route++) {
		if (strcmp(route->path, path) != 0)
			continue;
		if (strcmp(route->method, method) == 0)
			return route;
		other = route;
	}
	if (other) {
		call->allow = other->method;
		snprintf(message, sizeof(message), "%.64s is not possible on %.100s; use %s", method, path,
			 other->method);
		answer_fault(call, MHD_HTTP_METHOD_NOT_ALLOWED, "usage", message);
	} else {
		snprintf(message, sizeof(message), "there is nothing at %.100s", path);
		answer_fault(call, MHD_HTTP_NOT_FOUND, "not_found", message);
	}
	return NULL;
}

/* The request is whole: to its handler. */
static void dispatch(struct api_call *call, const char *method, const char *path)
{
	const struct api_route *route;

	call->state = CALL_ASKED;
	api_socket_peer(call_fd(call), &call->peer);
	call->query = json_object();
	MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, take_argument, call);
	route = find_route(call, method, path);
	if (route && parse_body(call))
		route->handler(call->api->context, call);
}

static enum MHD_Result send_answer(struct api_call *call)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (call->state == CALL_STREAM) {
		response = stream_response(call);
		if (response)
			MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
	} else {
		size_t length = strlen(call->reply);

		response = MHD_create_response_from_buffer(length, TAKE_PTR(call->reply), MHD_RESPMEM_MUST_FREE);
		if (response)
			MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	}
	if (!response)
		return MHD_NO;
	/* One request a connection: a client that sends them in a row would keep the daemon, and the loop, to itself. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (call->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, call->allow);
	result = MHD_queue_response(call->connection, call->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Called by the daemon: at the head of a request, for each piece of its body, at its end, and after each resume. */
enum MHD_Result call_handle(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *data, size_t *size, void **callp)
{
	struct api *api = userdata;
	struct api_call *call = *callp;
	size_t length = *size;

	(void)version;
	if (!call) {
		*callp = call_new(api, connection);
		return *callp ? MHD_YES : MHD_NO;
	}
	if (api->closing || call->hung_up)
		return MHD_NO;
	*size = 0;
	if (length > 0)
		return take_body(call, data, length);
	if (call->state == CALL_READING)
		dispatch(call, method, url);
	if (call->state == CALL_ASKED)
		return call_suspend(call) ? MHD_YES : MHD_NO;
	return call->hung_up ? MHD_NO : send_answer(call);
}

void call_completed(void *userdata, struct MHD_Connection *connection, void **callp,
		    enum MHD_RequestTerminationCode code)
{
	struct api_call *call = *callp;

	(void)userdata;
	(void)connection;
	(void)code;
	*callp = NULL;
	if (!call)
		return;
	call->connection = NULL;
	call->suspended = false;
	call->watch = sd_event_source_disable_unref(call->watch);
	if (call->state != CALL_ASKED)
		call_free(call);
}

void api_answer(struct api_call *call, unsigned http_status, json_t *body)
{
	_cleanup_(freep) char *text = call->connection ? json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(body);
	if (!call->connection) {
		call_free(call);
		return;
	}
	call->status = text ? http_status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (asprintf(&call->reply, "%s\n", text ? text : NO_MEMORY) < 0)
		call->reply = NULL;
	call->state = CALL_ANSWERED;
	if (!call->reply)
		call->hung_up = true;
	call_resume(call);
}

const struct api_peer *api_peer(const struct api_call *call)
{
	struct api_peer *peer = (struct api_peer *)&call->peer;

	/* Only now, for those who ask: a directory service may be slow. */
	if (!peer->name[0])
		api_peer_name(peer->owner, peer->name, sizeof(peer->name));
	return peer;
}

const json_t *api_body(const struct api_call *call)
{
	return call->body;
}

const char *api_query(const struct api_call *call, const char *name)
{
	return json_string_value(json_object_get(call->query, name));
}
