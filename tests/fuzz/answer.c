// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/receivers/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a receiver answers: whatever it is, a sentence that ends, is UTF-8 and one line; a time that makes sense. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char sentence[192];
	int64_t wait_ms;
	json_t *json;

	answer_read(size ? 200 + 100 * (data[0] % 4) : 200, text, size, sentence, sizeof(sentence));
	if (strnlen(sentence, sizeof(sentence)) == sizeof(sentence) || strpbrk(sentence, "\r\n\x1b"))
		abort();
	json = json_string(sentence);
	if (!json)
		abort();
	json_decref(json);
	wait_ms = answer_retry_after(text, size);
	if (wait_ms < 0 || wait_ms > 86400 * 1000)
		abort();
	return 0;
}
