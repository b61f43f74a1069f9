// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A damaged spool is refused, or read as a book that can be stepped and written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receiver_conf receiver = {.name = "pager", .step = 1};
	static const struct config config = {
		.alerts = {.repeat_ms = 1000, .flap_ms = 1000}, .receivers = &receiver, .n_receivers = 1};
	const struct book_view view = {.config = &config, .now_ms = 1000000, .wall_ms = 1000000};
	struct lease_clock clock = {.now_ms = 1000000, .wall_ms = 1000000, .boot_id = "boot"};
	_cleanup_(freep) char *text = strndup((const char *)data, size);
	_cleanup_(freep) char *again = NULL;
	_cleanup_(book_free) struct book *book = NULL;
	char why[128];

	if (book_parse(text, &clock, &book, why, sizeof(why)) < 0)
		return 0;
	book_step(book, &view);
	again = book_format(book, &clock);
	if (!again)
		abort();
	return 0;
}
