// SPDX-License-Identifier: GPL-2.0-or-later
#include "transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "../log.h"

#define ANSWER_BYTES 4096 /* of a body that are read; what is beyond says nothing more */

struct transfers {
	CURLM *multi;
	sd_event *event; /* borrowed */
	sd_event_source *timer;
	struct transfer *first;
};

struct transfer {
	struct transfers *transfers;
	struct transfer *next;
	CURL *easy;
	struct curl_slist *headers, *recipients;
	bool http;
	char *body;
	size_t sent;
	char answer[ANSWER_BYTES];
	size_t got, header_bytes;
	int64_t retry_after_ms;
	char error[CURL_ERROR_SIZE];
	delivery_done_fn done;
	void *context;
};

static void transfer_free(struct transfer *transfer)
{
	for (struct transfer **at = &transfer->transfers->first; *at; at = &(*at)->next)
		if (*at == transfer) {
			*at = transfer->next;
			break;
		}
	if (transfer->easy) {
		curl_multi_remove_handle(transfer->transfers->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->recipients);
	if (transfer->body)
		explicit_bzero(transfer->body, strlen(transfer->body)); /* a routing key may be in it */
	free(transfer->body);
	free(transfer);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

static size_t on_header(char *data, size_t one, size_t length, void *context)
{
	static const char name[] = "retry-after:";
	struct transfer *transfer = context;

	(void)one;
	transfer->header_bytes += length;
	if (length > sizeof(name) && !strncasecmp(data, name, sizeof(name) - 1))
		transfer->retry_after_ms = answer_retry_after(data + sizeof(name) - 1, length - sizeof(name) + 1);
	/* curl keeps every line: headers without end must not take the agent's memory. */
	return transfer->header_bytes > 65536 ? 0 : length;
}

static size_t on_answer(char *data, size_t one, size_t length, void *context)
{
	struct transfer *transfer = context;
	size_t take = MIN(length, sizeof(transfer->answer) - transfer->got);

	(void)one;
	memcpy(transfer->answer + transfer->got, data, take);
	transfer->got += take;
	return transfer->got == sizeof(transfer->answer) ? 0 : length;
}

static size_t on_send(char *to, size_t one, size_t room, void *context)
{
	struct transfer *transfer = context;
	size_t take = strnlen(transfer->body + transfer->sent, one * room);

	memcpy(to, transfer->body + transfer->sent, take);
	transfer->sent += take;
	return take;
}

static enum answer_class outcome(struct transfer *transfer, CURLcode code, char *fault)
{
	bool enough = code == CURLE_WRITE_ERROR && transfer->got == sizeof(transfer->answer);
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->http && (code == CURLE_OK || enough))
		return answer_read(status, transfer->answer, transfer->got, fault, DELIVERY_FAULT_SIZE);
	if (code == CURLE_OK)
		return ANSWER_TAKEN;
	if (code == CURLE_OPERATION_TIMEDOUT)
		snprintf(fault, DELIVERY_FAULT_SIZE, "no answer within %d s", DELIVERY_TIME_MS / 1000);
	else if (!transfer->http && status >= 400)
		snprintf(fault, DELIVERY_FAULT_SIZE, "SMTP %ld: %s", status, curl_easy_strerror(code));
	else
		snprintf(fault, DELIVERY_FAULT_SIZE, "%.180s", curl_easy_strerror(code));
	return ANSWER_LATER;
}

/* Everything that ended since the last call. `done` may start others. */
static void reap(struct transfers *transfers)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(transfers->multi, &left))) {
		CURLcode code = message->data.result;
		char fault[DELIVERY_FAULT_SIZE] = "";
		struct transfer *transfer;
		enum answer_class answer;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		answer = outcome(transfer, code, fault);
		if (code != CURLE_OK)
			log_debug("alerts: %s", transfer->error);
		transfer->done(transfer->context, answer, transfer->retry_after_ms, fault);
		transfer_free(transfer);
	}
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct transfers *transfers = context;
	int action = (revents & EPOLLIN ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		     (revents & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	int running;

	(void)source;
	curl_multi_socket_action(transfers->multi, fd, action, &running);
	reap(transfers);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct transfers *transfers = context;
	int running;

	(void)source, (void)usec;
	curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(transfers);
	return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	struct transfers *transfers = context;
	sd_event_source *source = socket_context;
	int r;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(transfers->multi, fd, NULL);
		sd_event_source_disable_unref(source);
		return 0;
	}
	if (source)
		return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
	r = sd_event_add_io(transfers->event, &source, fd, events, on_ready, transfers);
	if (r < 0) {
		log_error("alerts: waiting for a socket: %s", strerror(-r));
		return -1;
	}
	curl_multi_assign(transfers->multi, fd, source);
	return 0;
}

static int set_timer(CURLM *multi, long wait_ms, void *context)
{
	struct transfers *transfers = context;

	(void)multi;
	if (wait_ms < 0)
		return sd_event_source_set_enabled(transfers->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	sd_event_source_set_time_relative(transfers->timer, (uint64_t)wait_ms * 1000);
	return sd_event_source_set_enabled(transfers->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

int transfers_new(struct transfers **out, sd_event *event)
{
	_cleanup_(transfers_free) struct transfers *transfers = calloc(1, sizeof(*transfers));
	int r;

	if (!transfers)
		return -ENOMEM;
	transfers->event = event;
	transfers->multi = curl_multi_init();
	if (!transfers->multi)
		return -ENOMEM;
	r = sd_event_add_time_relative(event, &transfers->timer, CLOCK_BOOTTIME, 0, 1000, on_time, transfers);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(transfers->timer, SD_EVENT_OFF);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	*out = TAKE_PTR(transfers);
	return 0;
}

void transfers_free(struct transfers **transfers)
{
	struct transfers *t = *transfers;

	if (!t)
		return;
	while (t->first) {
		t->first->done(t->first->context, ANSWER_LATER, 0, "musterd stops");
		transfer_free(t->first);
	}
	if (t->multi)
		curl_multi_cleanup(t->multi);
	sd_event_source_disable_unref(t->timer);
	freep(transfers);
}

/* --- one transfer ------------------------------------------------------------------------------------------------ */

static int set_http(struct transfer *transfer, const struct receiver_form *form, const char *url, const char *secret)
{
	_cleanup_(freep) char *whole = NULL, *type = NULL, *token = NULL;
	size_t length = strlen(url);

	while (length && *form->path && url[length - 1] == '/')
		length--;
	if (asprintf(&whole, "%.*s%s", (int)length, url, form->path) < 0 ||
	    asprintf(&type, "Content-Type: %s", form->content_type) < 0)
		return -ENOMEM;
	transfer->headers = curl_slist_append(NULL, type);
	if (form->bearer && *secret) {
		if (asprintf(&token, "Authorization: Bearer %s", secret) < 0)
			return -ENOMEM;
		curl_slist_append(transfer->headers, token);
		explicit_bzero(token, strlen(token));
	}
	curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(transfer->body));
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->body);
	return curl_easy_setopt(transfer->easy, CURLOPT_URL, whole) == CURLE_OK ? 0 : -ENOMEM;
}

static int set_smtp(struct transfer *transfer, const struct receiver_conf *receiver, const char *url,
		    const char *secret)
{
	_cleanup_(freep) char *to = strdup(receiver->to);
	CURL *easy = transfer->easy;
	char *rest = to, *one;

	if (!to)
		return -ENOMEM;
	while ((one = strsep(&rest, ",")))
		transfer->recipients = curl_slist_append(transfer->recipients, one);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, receiver->from);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->recipients);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
			 (long)(receiver->user || receiver->ca_file ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	if (receiver->user) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, receiver->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, secret);
	}
	return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_common(struct transfer *transfer, const struct receiver_conf *receiver)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name server that hangs has a thread of curl's waiting for it: the end of the transfer must not join it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)DELIVERY_TIME_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (receiver->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CAINFO, receiver->ca_file);
	}
}

int transfer_start(struct transfers *transfers, const struct receiver_conf *receiver, const char *url,
		   const char *secret, char *body, delivery_done_fn done, void *context, char *fault)
{
	const struct receiver_form *form = &receiver_forms[receiver->type];
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	int r = -ENOMEM;

	if (!transfer) {
		free(body);
		snprintf(fault, DELIVERY_FAULT_SIZE, "no memory");
		return -ENOMEM;
	}
	*transfer = (struct transfer){.transfers = transfers, .body = body, .done = done, .context = context};
	transfer->next = transfers->first;
	transfers->first = transfer;
	transfer->http = config_receiver_is_http(receiver->type);
	transfer->easy = curl_easy_init();
	if (transfer->easy) {
		set_common(transfer, receiver);
		r = transfer->http ? set_http(transfer, form, url, secret) : set_smtp(transfer, receiver, url, secret);
	}
	if (!r && curl_multi_add_handle(transfers->multi, transfer->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0) {
		snprintf(fault, DELIVERY_FAULT_SIZE, "starting the transfer: %s", strerror(-r));
		transfer_free(transfer);
	}
	return r;
}
