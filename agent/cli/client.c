// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../clock.h"
#include "grammar.h"

#define WAIT_FIRST_MS 1000 /* then what is being waited for is said */
#define WAIT_AGAIN_MS 2000
#define GET_LIMIT_MS  10000L

struct buffer {
	char *text;
	size_t length;
};

static void curl_freep(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void multi_freep(CURLM **multi)
{
	curl_multi_cleanup(*multi);
}

static void slist_freep(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static size_t take_bytes(char *data, size_t size, size_t n, void *context)
{
	struct buffer *buffer = context;
	char *more = realloc(buffer->text, buffer->length + size * n + 1);

	if (!more)
		return 0;
	memcpy(more + buffer->length, data, size * n);
	buffer->text = more;
	buffer->length += size * n;
	more[buffer->length] = 0;
	return size * n;
}

void answer_free(struct answer *answer)
{
	free(answer->text);
	json_decref(answer->json);
	*answer = (struct answer){};
}

/* Why the socket cannot be reached: asked of the kernel, as curl does not always keep the errno. */
static int reach(const char *socket_path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_(closep) int fd = -1;

	if (strlen(socket_path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	return 0;
}

static void complain(const char *socket_path, int error, const char *curl_text)
{
	switch (-error) {
	case ENOENT:
		fprintf(stderr, "muster: no agent at %s: there is no such socket; is musterd running?\n", socket_path);
		break;
	case ECONNREFUSED:
		fprintf(stderr, "muster: no agent at %s: nobody listens there any more; is musterd running?\n",
			socket_path);
		break;
	case EACCES:
		fprintf(stderr, "muster: the agent's socket %s is closed to you: be root or in the group muster\n",
			socket_path);
		break;
	default:
		fprintf(stderr, "muster: asking the agent at %s failed: %s; look at musterd's log\n", socket_path,
			curl_text ? curl_text : strerror(-error));
	}
}

static CURL *prepare(const char *socket_path, const char *path, struct buffer *buffer)
{
	CURL *curl = curl_easy_init();
	char url[2048];

	if (!curl)
		return NULL;
	snprintf(url, sizeof(url), "http://muster%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer);
	return curl;
}

/* One line about what keeps an order waiting. */
static void say_waiting(const char *socket_path, int64_t waited_ms)
{
	struct buffer buffer = {};
	_cleanup_(curl_freep) CURL *curl = prepare(socket_path, "/v1/storage", &buffer);
	json_t *storage;
	json_int_t busy_ms;

	if (!curl)
		return;
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 500L);
	if (curl_easy_perform(curl) != CURLE_OK) {
		fprintf(stderr, "muster: waiting: the agent has not answered for %d s\n", (int)(waited_ms / 1000));
		free(buffer.text);
		return;
	}
	storage = json_loads(buffer.text ? buffer.text : "", 0, NULL);
	busy_ms = json_integer_value(json_object_get(storage, "busy_ms"));
	if (busy_ms > 0)
		fprintf(stderr, "muster: waiting: the order is not on disk yet (the disk has been busy for %d s)\n",
			(int)((busy_ms + 500) / 1000));
	else
		fprintf(stderr, "muster: waiting: the order is not answered yet (%d s)\n", (int)(waited_ms / 1000));
	json_decref(storage);
	free(buffer.text);
}

/* Runs one transfer; `patient`: without limit, saying what is waited for. */
static CURLcode transfer(CURL *curl, const char *socket_path, bool patient)
{
	_cleanup_(multi_freep) CURLM *multi = curl_multi_init();
	int64_t start = clock_now_ms(), next = start + WAIT_FIRST_MS, now;
	CURLcode result = CURLE_OK;
	CURLMsg *message;
	int running = 1, left;

	if (!multi || curl_multi_add_handle(multi, curl) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (curl_multi_perform(multi, &running) == CURLM_OK && running) {
		curl_multi_poll(multi, NULL, 0, 200, NULL);
		now = clock_now_ms();
		if (patient && now >= next) {
			say_waiting(socket_path, now - start);
			next = now + WAIT_AGAIN_MS;
		}
	}
	while ((message = curl_multi_info_read(multi, &left)))
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(multi, curl);
	return result;
}

static int call(const char *socket_path, const char *path, json_t *body, struct answer *out, bool quiet)
{
	struct buffer buffer = {};
	_cleanup_(slist_freep) struct curl_slist *headers = NULL;
	_cleanup_(freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	_cleanup_(curl_freep) CURL *curl = NULL;
	CURLcode result;
	int error = reach(socket_path);

	json_decref(body);
	*out = (struct answer){};
	if (error) {
		if (!quiet || (error != -ENOENT && error != -ECONNREFUSED))
			complain(socket_path, error, NULL);
		return error;
	}
	curl = prepare(socket_path, path, &buffer);
	if (!curl)
		return -ENOMEM;
	if (text) {
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	} else {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, GET_LIMIT_MS);
	}
	result = transfer(curl, socket_path, text != NULL);
	if (result != CURLE_OK) {
		free(buffer.text);
		complain(socket_path, -EIO, curl_easy_strerror(result));
		return -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	out->text = buffer.text;
	out->json = json_loads(buffer.text ? buffer.text : "", 0, NULL);
	return 0;
}

int client_call(const char *socket_path, const char *path, json_t *body, struct answer *out)
{
	return call(socket_path, path, body, out, false);
}

int client_try(const char *socket_path, const char *path, json_t *body, struct answer *out)
{
	return call(socket_path, path, body, out, true);
}

struct follow {
	CURL *curl;
	struct buffer pending; /* of a line not yet whole */
	client_line_fn each;
	void *context;
	bool stopped;
};

static size_t take_lines(char *data, size_t size, size_t n, void *context)
{
	struct follow *follow = context;
	struct buffer *p = &follow->pending;
	long status = 0;
	char *end;

	if (take_bytes(data, size, n, p) == 0)
		return 0;
	curl_easy_getinfo(follow->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return size * n; /* why there is no stream; whole only at the end */
	while ((end = memchr(p->text, '\n', p->length))) {
		size_t length = (size_t)(end - p->text);

		*end = 0;
		if (length && !follow->each(follow->context, p->text, length)) {
			follow->stopped = true;
			return 0;
		}
		p->length -= length + 1;
		memmove(p->text, end + 1, p->length + 1);
	}
	return size * n;
}

int client_follow(const char *socket_path, const char *path, client_line_fn each, void *context)
{
	struct follow follow = {.each = each, .context = context};
	_cleanup_(curl_freep) CURL *curl = NULL;
	int error = reach(socket_path);
	CURLcode result;
	long status = 0;

	if (error) {
		complain(socket_path, error, NULL);
		return error;
	}
	curl = follow.curl = prepare(socket_path, path, &follow.pending);
	if (!curl)
		return -ENOMEM;
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_lines);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &follow);
	result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (result == CURLE_OK && status != 200) {
		json_t *fault = json_loads(follow.pending.text ? follow.pending.text : "", 0, NULL);
		const char *message = json_string_value(json_object_get(fault, "message"));

		fprintf(stderr, "muster: following events failed: %s\n",
			message ? message : "the agent did not say why; look at musterd's log");
		json_decref(fault);
		error = -EPROTO;
	} else if (result != CURLE_OK && result != CURLE_PARTIAL_FILE && !follow.stopped) {
		/* an agent that stops cuts the stream short: that is an end, not a fault */
		complain(socket_path, -EIO, curl_easy_strerror(result));
		error = -EIO;
	}
	free(follow.pending.text);
	return error;
}

int client_query(char **path, const char *name, const char *value)
{
	char *escaped, *longer = NULL;

	if (!value)
		return 0;
	escaped = curl_easy_escape(NULL, value, 0);
	if (!escaped || asprintf(&longer, "%s%c%s=%s", *path, strchr(*path, '?') ? '&' : '?', name, escaped) < 0)
		longer = NULL;
	curl_free(escaped);
	if (!longer)
		return -ENOMEM;
	free(*path);
	*path = longer;
	return 0;
}

int client_exit(const struct answer *answer)
{
	static const struct {
		const char *result;
		long status;
		int exit;
	} table[] = {
		{"done", 200, CLI_DONE},           {"unchanged", 200, CLI_DONE},  {"usage", 400, CLI_USAGE},
		{"not_found", 404, CLI_NOT_FOUND}, {"refused", 409, CLI_REFUSED}, {"failed", 500, CLI_FAILED},
	};
	const char *result = json_string_value(json_object_get(answer->json, "result"));

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (result ? strcmp(result, table[i].result) == 0 : answer->status == table[i].status)
			return table[i].exit;
	return CLI_FAILED;
}
