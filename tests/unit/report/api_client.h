/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control API on a loop, routes that show its behaviour, and clients: curl and raw sockets in threads of their own. */
#ifndef TEST_API_CLIENT_H
#define TEST_API_CLIENT_H

#include "folder.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "log.h"
#include "report/api.h"

#define HELD 128

struct fixture {
	char folder[FOLDER_SIZE], socket[2 * FOLDER_SIZE];
	sd_event *event;
	struct api *api;
	struct api_call *held[HELD]; /* asked, and not answered yet */
	size_t n_held;
	int handled;
};

struct reply {
	long status;
	char *text;
	size_t length, room;
	char type[64], allow[32];
};

static inline void reply_clear(struct reply *reply)
{
	free(reply->text);
	*reply = (struct reply){0};
}

static size_t take_reply(char *data, size_t size, size_t n, void *userdata)
{
	struct reply *reply = userdata;

	if (reply->length + size * n + 1 > reply->room) {
		reply->room = 2 * (reply->length + size * n + 1);
		reply->text = realloc(reply->text, reply->room);
	}
	memcpy(reply->text + reply->length, data, size * n);
	reply->length += size * n;
	reply->text[reply->length] = '\0';
	return size * n;
}

static size_t take_header(char *data, size_t size, size_t n, void *userdata)
{
	struct reply *reply = userdata;

	if (strncasecmp(data, "Allow: ", 7) == 0)
		snprintf(reply->allow, sizeof(reply->allow), "%.*s", (int)strcspn(data + 7, "\r\n"), data + 7);
	if (strncasecmp(data, "Content-Type: ", 14) == 0)
		snprintf(reply->type, sizeof(reply->type), "%.*s", (int)strcspn(data + 14, "\r\n"), data + 14);
	return size * n;
}

/* What a thread is to ask; several times on one connection when `times` is more than one. */
struct request {
	struct fixture *f;
	const char *method, *path, *body;
	size_t body_length;
	int times;
	struct reply *reply;
	CURLcode code;
};

static void *curl_thread(void *arg)
{
	struct request *r = arg;
	CURL *curl = curl_easy_init();
	char url[512];

	snprintf(url, sizeof(url), "http://muster%s", r->path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, r->f->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r->reply);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, r->reply);
	if (r->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)r->body_length);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
	}
	for (int i = 0; i < r->times && r->code == CURLE_OK; i++) {
		reply_clear(r->reply);
		r->code = curl_easy_perform(curl);
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->reply->status);
	curl_easy_cleanup(curl);
	return NULL;
}

static inline void run_for(struct fixture *f, int ms)
{
	int64_t end_ms = clock_now_ms() + ms, left_ms;

	while ((left_ms = end_ms - clock_now_ms()) > 0)
		sd_event_run(f->event, (uint64_t)left_ms * 1000);
}

/* Runs the loop until the thread has ended. */
static inline void run_until_joined(struct fixture *f, pthread_t thread)
{
	while (pthread_tryjoin_np(thread, NULL) != 0)
		sd_event_run(f->event, 2000);
}

static inline void ask_bytes(struct fixture *f, const char *method, const char *path, const char *body, size_t length,
			     struct reply *reply)
{
	struct request r = {f, method, path, body, length, 1, reply, CURLE_OK};
	pthread_t thread;

	pthread_create(&thread, NULL, curl_thread, &r);
	run_until_joined(f, thread);
	if (r.code != CURLE_OK)
		fail_msg("%s %s ended with \"%s\"", method, path, curl_easy_strerror(r.code));
}

static inline void ask(struct fixture *f, const char *method, const char *path, const char *body, struct reply *reply)
{
	ask_bytes(f, method, path, body, body ? strlen(body) : 0, reply);
}

/* A connected socket that has sent `text`, if any. */
static inline int raw_connect(struct fixture *f, const char *text)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, f->socket, strlen(f->socket) + 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail_msg("nobody answers on %s: %s", f->socket, strerror(errno));
	if (text && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("the request could not be sent");
	return fd;
}

static inline void raw_request(const char *method, const char *path, char out[256])
{
	snprintf(out, 256, "%s %s HTTP/1.1\r\nHost: muster\r\n\r\n", method, path);
}

static inline int raw_ask(struct fixture *f, const char *path)
{
	char text[256];

	raw_request("GET", path, text);
	return raw_connect(f, text);
}

/* --- routes --- */

static inline void answer_done(struct api_call *call)
{
	api_answer(call, 200, json_pack("{s:i, s:s}", "schema", 1, "result", "done"));
}

static void call_echo(void *context, struct api_call *call)
{
	const struct api_peer *peer = api_peer(call);
	const char *word = api_query(call, "word");

	((struct fixture *)context)->handled++;
	api_answer(call, 200,
		   json_pack("{s:O, s:s, s:i, s:i, s:i, s:s}", "body", api_body(call), "word", word ? word : "(none)",
			     "pid", (int)peer->pid, "uid", (int)peer->uid, "owner", (int)peer->owner, "name",
			     peer->name));
}

static void call_hold(void *context, struct api_call *call)
{
	struct fixture *f = context;

	f->held[f->n_held++] = call;
}

static int on_later(sd_event_source *source, uint64_t now_us, void *userdata)
{
	(void)now_us;
	answer_done(userdata);
	sd_event_source_unref(source);
	return 0;
}

static void call_late(void *context, struct api_call *call)
{
	struct fixture *f = context;
	sd_event_source *timer = NULL;

	sd_event_add_time_relative(f->event, &timer, CLOCK_MONOTONIC, 30000, 1, on_later, call);
}

static void call_follow(void *context, struct api_call *call)
{
	((struct fixture *)context)->handled++;
	api_follow(call, json_pack("[{s:i}, {s:i}]", "seq", 1, "seq", 2));
}

static const struct api_route routes[] = {
	{"GET", "/v1/echo", call_echo},  {"POST", "/v1/echo", call_echo},    {"GET", "/v1/hold", call_hold},
	{"POST", "/v1/late", call_late}, {"GET", "/v1/follow", call_follow}, {0},
};

static inline void api_start(struct fixture *f)
{
	const struct api_conf conf = {.socket = f->socket, .group = "daemon"};
	char why[256];

	if (api_new(&f->api, f->event, &conf, routes, f, why, sizeof(why)) < 0)
		fail_msg("the api did not start: %s", why);
}

static int api_setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	log_set_level(LOG_LEVEL_ERROR - 1);
	folder_make(f.folder);
	folder_path(f.folder, "sock", f.socket);
	sd_event_new(&f.event);
	api_start(&f);
	*state = &f;
	return 0;
}

static int api_teardown(void **state)
{
	struct fixture *f = *state;

	api_free(&f->api);
	sd_event_unref(f->event);
	folder_remove(f->folder);
	return 0;
}

#endif
