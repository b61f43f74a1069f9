// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/node_exporter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes, what is read of it keeps its promises: text that ends, memory that makes sense. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_reading reading;

	if (!node_exporter_parse((const char *)data, size, &reading, NULL) &&
	    (reading.available_bytes < 0 || reading.available_bytes > reading.total_bytes))
		abort();
	if (strnlen(reading.text, sizeof(reading.text)) == sizeof(reading.text))
		abort();
	if (reading.weight_pct < -1 || reading.weight_pct > 256)
		abort();
	return 0;
}
