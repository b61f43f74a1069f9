// SPDX-License-Identifier: GPL-2.0-or-later
/* `muster why`: the packet, a line a stage, the verdict, what to do. */
#include "render.h"

#include "human.h"

#define STAGE_WIDTH 9

static void line(const struct look *look, const char *stage, const char *text)
{
	fprintf(look->out, "%-*s", STAGE_WIDTH, stage);
	human_wrap(look->out, look->width, STAGE_WIDTH, STAGE_WIDTH, text);
}

void render_why(const struct look *look, const json_t *document)
{
	const json_t *packet = json_object_get(document, "packet"), *stage;
	char verdict[256];
	size_t i;

	fprintf(look->out, "%s -> %s/%s in by %s\n", json_text(packet, "from"), json_text(packet, "to"),
		json_text(packet, "protocol"), json_text(packet, "interface"));
	json_array_foreach(json_object_get(document, "stages"), i, stage)
		line(look, json_text(stage, "stage"), json_text(stage, "text"));
	snprintf(verdict, sizeof(verdict), "%s: %s", json_text(document, "verdict"), json_text(document, "text"));
	line(look, "verdict", verdict);
	render_attention(look, json_object_get(document, "hints"));
}
