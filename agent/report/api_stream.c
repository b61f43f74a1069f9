// SPDX-License-Identifier: GPL-2.0-or-later
#include "api_call.h"

#include "../control.h"
#include "../log.h"

#define BLOCK_BYTES 16384

/* Appends a line to what waits for a follower. */
static int stream_put(struct api_call *call, const char *line, size_t length)
{
	size_t waiting = call->end - call->start;

	if (call->end + length + 1 > call->room) {
		if (call->start > 0) {
			memmove(call->pending, call->pending + call->start, waiting);
			call->start = 0;
			call->end = waiting;
		}
		if (waiting + length + 1 > call->room) {
			size_t room = MAX((size_t)4096, 2 * (waiting + length + 1));
			char *pending = realloc(call->pending, room);

			if (!pending)
				return -ENOMEM;
			call->pending = pending;
			call->room = room;
		}
	}
	memcpy(call->pending + call->end, line, length);
	call->pending[call->end + length] = '\n';
	call->end += length + 1;
	return 0;
}

/* Called by the daemon for the next bytes of a stream. */
static ssize_t stream_read(void *userdata, uint64_t position, char *buffer, size_t most)
{
	struct api_call *call = userdata;
	size_t length = MIN(most, call->end - call->start);

	(void)position;
	if (call->hung_up || call->api->closing)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (length == 0)
		return call_suspend(call) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(buffer, call->pending + call->start, length);
	call->start += length;
	if (call->start == call->end) {
		call->start = call->end = 0;
		call->limit = API_LAG_BYTES; /* the lines sent before are through */
	}
	return (ssize_t)length;
}

struct MHD_Response *stream_response(struct api_call *call)
{
	/* A follower may be silent for as long as it likes; how far it lags is what counts. */
	MHD_set_connection_option(call->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read, call, NULL);
}

void api_follow(struct api_call *call, json_t *first)
{
	json_t *line;
	size_t i;
	int err = 0;

	if (!call->connection || call->api->n_streams >= API_STREAMS) {
		json_decref(first);
		api_answer(call, MHD_HTTP_SERVICE_UNAVAILABLE,
			   json_pack("{s:i, s:s, s:s}", "schema", CONTROL_SCHEMA, "result", "failed", "message",
				     "too many followers of the journal already; end one of them"));
		return;
	}
	json_array_foreach(first, i, line)
	{
		_cleanup_(freep) char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);

		err = text ? stream_put(call, text, strlen(text)) : -ENOMEM;
		if (err < 0)
			break;
	}
	json_decref(first);
	call->limit = call->end + API_LAG_BYTES;
	call->status = MHD_HTTP_OK;
	call->state = CALL_STREAM;
	call->api->n_streams++;
	if (err < 0)
		call->hung_up = true; /* rather no stream than one with a gap */
	call_resume(call);
}

void api_push(struct api *api, const char *line, size_t length)
{
	for (struct api_call *call = api->calls; call; call = call->next) {
		if (call->state != CALL_STREAM || call->hung_up)
			continue;
		if (call->end - call->start + length + 1 > call->limit || stream_put(call, line, length) < 0) {
			log_info("control socket: a follower of the journal (pid %d) lags by %zu bytes: dropped",
				 (int)call->peer.pid, call->end - call->start);
			call_hang_up(call);
			continue;
		}
		call_resume(call);
	}
}
