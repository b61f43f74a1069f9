// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The post-mortem's chart, as SVG: of each service the shares of its servers over time, and the memory that they had. A
 * point a row of the document; a line is broken where nothing is known, or a row is missing.
 */
#include "render.h"

#include "human.h"

#define WIDTH    860
#define LEFT     48
#define PLOT_W   620
#define PLOT_H   110
#define HEAD     26 /* above a plot: its title */
#define FOOT     24 /* below it: the times */
#define LEGEND_H 16

/* A line each; a service's further servers are in the bars of the document. */
static const char *const colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
				     "#56b4e9", "#e69f00", "#7f7f7f", "#000000"};

struct chart {
	FILE *out;
	const json_t *document;
	double from_ms, to_ms, top; /* top: of the plot under way */
};

/* Text of others: what means something in XML is escaped, what may not be in it is replaced. */
static void put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		bool none = !strncmp(text, "\xef\xbf\xbe", 3) || !strncmp(text, "\xef\xbf\xbf", 3); /* U+FFFE, U+FFFF */

		if (strchr("&<>\"'", *text))
			fprintf(out, "&#%d;", *text);
		else if (none || (unsigned char)*text < ' ')
			fputc('?', out);
		else
			fputc(*text, out);
		text += none ? 2 : 0;
	}
}

static void put_text(const struct chart *chart, double x, double y, const char *anchor, const char *text)
{
	fprintf(chart->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	put_xml(chart->out, text);
	fprintf(chart->out, "</text>\n");
}

static double x_of(const struct chart *chart, double ms)
{
	return LEFT + PLOT_W * (ms - chart->from_ms) / (chart->to_ms - chart->from_ms);
}

static double y_of(const struct chart *chart, double pct)
{
	return chart->top + PLOT_H * (1 - pct / 100);
}

static void frame(const struct chart *chart, const char *service, const char *title)
{
	char text[128], time[HUMAN_SIZE];

	snprintf(text, sizeof(text), "%s: %s", service, title);
	put_text(chart, LEFT, chart->top - 8, "start", text);
	for (int pct = 0; pct <= 100; pct += 50) {
		fprintf(chart->out, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", LEFT, y_of(chart, pct), PLOT_W);
		snprintf(text, sizeof(text), "%d %%", pct);
		put_text(chart, LEFT - 6, y_of(chart, pct) + 4, "end", text);
	}
	for (int i = 0; i <= 2; i++) {
		double ms = chart->from_ms + (chart->to_ms - chart->from_ms) * i / 2;

		put_text(chart, x_of(chart, ms), chart->top + PLOT_H + 15, "middle",
			 human_time((int64_t)ms, (int64_t)chart->to_ms, time));
	}
}

static bool of(const json_t *row, const char *service, const char *server)
{
	return !strcmp(json_text(row, "service"), service) && (!server || !strcmp(json_text(row, "server"), server));
}

static void line(const struct chart *chart, const char *service, const char *server, const char *key, const char *color)
{
	const json_t *row;
	double open_ms = -1; /* the end of the row before, where the line goes on; -1: it begins anew */
	size_t i;

	fprintf(chart->out, "<path stroke=\"%s\" d=\"", color);
	json_array_foreach(json_object_get(chart->document, "spans"), i, row)
	{
		double begin_ms = json_figure(row, "wall_ms"), span_ms = json_figure(row, "span_ms");

		if (!of(row, service, server))
			continue;
		/* A point alone is seen by its round ends. */
		if (json_known(row, key))
			fprintf(chart->out, open_ms == begin_ms ? "L%.1f %.1f" : "M%.1f %.1fh0",
				x_of(chart, begin_ms + span_ms / 2), y_of(chart, json_figure(row, key)));
		open_ms = json_known(row, key) ? begin_ms + span_ms : -1;
	}
	fprintf(chart->out, "\"><title>");
	put_xml(chart->out, server);
	fprintf(chart->out, "</title></path>\n");
}

static bool any(const json_t *document, const char *service, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(document, "spans"), i,
			   row) if (of(row, service, NULL) && json_known(row, key)) return true;
	return false;
}

/* One plot: a line a server, and who it is. */
static void plot(struct chart *chart, const char *service, const char *title, const char *key)
{
	const json_t *server;
	size_t i, n = 0;

	if (!any(chart->document, service, key))
		return;
	chart->top += HEAD;
	frame(chart, service, title);
	json_array_foreach(json_object_get(json_object_get(chart->document, "impact"), "servers"), i, server)
	{
		double y = chart->top + 12 + LEGEND_H * (double)n;

		if (!of(server, service, NULL) || n == ARRAY_SIZE(colors))
			continue;
		line(chart, service, json_text(server, "server"), key, colors[n]);
		fprintf(chart->out, "<path stroke=\"%s\" d=\"M%d %.1fh16\"/>\n", colors[n], LEFT + PLOT_W + 16, y - 4);
		put_text(chart, LEFT + PLOT_W + 38, y, "start", json_text(server, "server"));
		n++;
	}
	chart->top += PLOT_H + FOOT;
}

/* Whether a server before this one is of the same service. */
static bool seen(const json_t *servers, size_t i)
{
	const char *service = json_text(json_array_get(servers, i), "service");

	for (size_t k = 0; k < i; k++)
		if (of(json_array_get(servers, k), service, NULL))
			return true;
	return false;
}

static void plots(struct chart *chart)
{
	const json_t *servers = json_object_get(json_object_get(chart->document, "impact"), "servers"), *server;
	size_t i;

	json_array_foreach(servers, i, server)
	{
		if (seen(servers, i))
			continue;
		plot(chart, json_text(server, "service"), "share of new connections", "share_pct");
		plot(chart, json_text(server, "service"), "memory available", "available_pct");
	}
}

bool render_chart(FILE *out, const json_t *document)
{
	const json_t *spans = json_object_get(document, "spans"), *last;
	struct chart chart = {.document = document, .out = out};
	char *body = NULL;
	size_t size;

	if (json_array_size(spans) == 0)
		return false;
	last = json_array_get(spans, json_array_size(spans) - 1);
	chart.from_ms = json_figure(json_array_get(spans, 0), "wall_ms");
	chart.to_ms = MAX(json_figure(last, "wall_ms") + json_figure(last, "span_ms"), chart.from_ms + 1);
	/* How high it is, is known when it is drawn. */
	chart.out = open_memstream(&body, &size);
	if (!chart.out)
		return false;
	plots(&chart);
	fclose(chart.out);
	if (chart.top > 0)
		fprintf(out,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\">\n"
			"<style>text { font: 12px sans-serif } path { fill: none; stroke-width: 2; stroke-linecap: "
			"round; stroke-linejoin: round } .grid { stroke: #ddd; stroke-width: 1 }</style>\n"
			"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n%s</svg>\n",
			WIDTH, chart.top, body);
	free(body);
	return chart.top > 0;
}
