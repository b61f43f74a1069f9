# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Figures from samples: the JSON file and the tables.

baseline=$root/tools/bench.d/baseline.json

machine() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --argjson cpus "$(nproc)" \
		--arg kernel "$(uname -r)" --arg version "$(git -C "$root" describe --tags --always --dirty 2>/dev/null)" \
		'{cpu: $cpu, cpus: $cpus, kernel: $kernel, version: $version}'
}

# table TITLE FILTER ROW...: a line a subject and a column a row. FILTER makes a cell's text of a figure.
table() {
	local title=$1 filter=$2 width
	shift 2
	jq -r --arg rows "$*" '
		($rows | split(" ")) as $rows
		| [.figures[] | select(.row as $row | $rows | index($row))] as $figures
		| ($figures | map(.subject) | unique) as $there
		| ([.subjects[] | select(. as $subject | $there | index($subject))]) as $subjects
		| ["", $rows[]], ($subjects[] as $subject | [$subject, ($rows[] as $row
			| ($figures[] | select(.row == $row and .subject == $subject) | '"$filter"') // "-")])
		| join("\t")' "$json" >"$run_table"
	[ "$(wc -l <"$run_table")" -gt 1 ] || return 0
	width=$(tr '\t' '\n' <"$run_table" | awk 'length > w { w = length } END { print w + 2 }')
	printf '\n%s\n' "$title"
	awk -F '\t' -v w="$width" '{ printf "  %-12s", $1; for (i = 2; i <= NF; i++) printf "%" w "s", $i; print "" }' "$run_table"
}

figures() {
	jq -s -f "$root/tools/bench.d/figures.jq" "$samples" >"$samples.figures"
	mkdir -p "$(dirname "$json")"
	jq -n --argjson machine "$(machine)" --slurpfile figures "$samples.figures" --slurpfile samples "$samples" \
		--arg subjects "${subjects[*]}" --argjson seconds "$seconds" --argjson faults "$faults" \
		'{machine: $machine, seconds: $seconds, faults: $faults, subjects: ($subjects | split(" ")),
		figures: $figures[0], samples: $samples}' >"$json"
	rm "$samples.figures"
}

report() {
	local run_table
	run_table=$(mktemp)
	figures
	jq -r '.machine | "\(.cpu), \(.cpus) CPUs, Linux \(.kernel), Muster \(.version)"' "$json"
	local ns_rows=(1 1000 50000 500000 new other)
	table "Nanoseconds of the program for a packet, net of the empty program; median (least-most)" \
		'"\(.median | . * 10 | round / 10) (\(.min | round)-\(.max | round))"' "${ns_rows[@]}"
	table "Packets a second that arrive, from one CPU; median (least-most), in thousands" \
		'"\(.median / 1000 | round) (\(.min / 1000 | round)-\(.max / 1000 | round))"' rate rate-new
	rm "$run_table"
	say "all samples are in $json"
}
