# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2154
# Figures from samples: the JSON file and the tables.

baseline=$root/tools/bench.d/baseline.json

machine() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --argjson cpus "$(nproc)" \
		--arg kernel "$(uname -r)" --arg version "$(git -C "$root" describe --tags --always --dirty 2>/dev/null)" \
		--arg load "$load_before" '{cpu: $cpu, cpus: $cpus, kernel: $kernel, version: $version, load_before: $load}'
}

# table_of FILE TITLE FILTER ROW...: a line a subject and a column a row. FILTER makes a cell's text of a figure.
table_of() {
	local file=$1 title=$2 filter=$3
	shift 3
	jq -r --arg rows "$*" '
		($rows | split(" ")) as $rows
		| [.figures[] | select(.row as $row | $rows | index($row))] as $figures
		| ($rows | map(select(. as $row | $figures | any(.row == $row)))) as $rows
		| (.subjects | map(select(. as $subject | $figures | any(.subject == $subject)))) as $subjects
		| ["", $rows[]], ($subjects[] as $subject | [$subject, ($rows[] as $row
			| ([$figures[] | select(.row == $row and .subject == $subject) | '"$filter"'] | first) // "-")])
		| join("\t")' "$file" | awk -F '\t' -v title="$title" '
		{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
		END {
			if (NR < 2) exit
			print "\n" title
			for (n = 1; n <= NR; n++) {
				printf "  %-" width[1] "s", cell[n, 1]
				for (i = 2; i <= NF; i++) printf "  %" width[i] "s", cell[n, i]
				print ""
			}
		}'
}

result_write() {
	mkdir -p "$(dirname "$json")"
	jq -s -f "$root/tools/bench.d/figures.jq" "$samples" >"$work/figures"
	jq -n --argjson machine "$(machine)" --slurpfile figures "$work/figures" --slurpfile samples "$samples" \
		--arg subjects "${subjects[*]}" --argjson seconds "$seconds" --argjson faults "$faults" \
		'{machine: $machine, seconds: $seconds, faults: $faults, subjects: ($subjects | split(" ")),
		figures: $figures[0], samples: $samples}' >"$json"
}

ratios() { # SUBJECT ROW...: each other's figures, divided by its
	jq --arg to "$1" -f "$root/tools/bench.d/ratios.jq" "$json" >"$work/ratios"
	table_of "$work/ratios" "Divided by $1's; median of the rounds' ratios (least-most)" \
		'def two: . * 100 | round / 100; "\(.median | two) (\(.min | two)-\(.max | two))"' "${@:2}"
}

# The change since the figures that the repository keeps. Another machine has other figures: nothing is asserted.
regression() {
	[ -e "$baseline" ] || return 0
	jq --slurpfile kept "$baseline" '.figures |= map(. as $f | ($kept[0].figures[] | select(.row == $f.row and
		.subject == $f.subject)) as $k | select($k.median > 0) | .change = (.median / $k.median - 1) * 100)' \
		"$json" >"$work/changes"
	table_of "$work/changes" "Change since $(jq -r '.machine | "\(.version) (\(.cpu), Linux \(.kernel))"' "$baseline")" \
		'"\(if .change > 0 then "+" else "" end)\(.change | round) %"' "${ns_rows[@]}" "${rate_rows[@]}" "${http_rows[@]}"
}

baseline_keep() {
	[ "$faults" = 0 ] || die "figures with faults are not kept"
	jq '{machine: (.machine | {cpu, cpus, kernel: (.kernel | split("-")[0]), version}), figures: [.figures[] | {row, subject, median: (.median * 10 | round / 10)}]}' "$json" >"$baseline"
	say "kept as $baseline"
}

report() {
	local ns_rows=(1 1000 50000 500000 new other) rate_rows=(rate rate-new) http_rows=(http http-machine) name
	result_write
	jq -r '.machine | "\(.cpu), \(.cpus) CPUs, Linux \(.kernel), Muster \(.version), load average \(.load_before) before"' "$json"
	table_of "$json" "Nanoseconds of the program for a packet, net of the empty program; median (least-most)" \
		'"\(.median * 10 | round / 10) (\(.min | round)-\(.max | round))"' "${ns_rows[@]}"
	table_of "$json" "Thousands of packets that arrive, for a second of the one CPU that sends and forwards; median (least-most)" \
		'"\(.median / 1000 | round) (\(.min / 1000 | round)-\(.max / 1000 | round))"' "${rate_rows[@]}"
	table_of "$json" "Microseconds of CPU for a keep-alive HTTP request: the balancer's, the whole machine's" \
		'"\(.median * 100 | round / 100) (\(.min * 100 | round / 100)-\(.max * 100 | round / 100))"' "${http_rows[@]}"
	# In nanoseconds the floor is next to nothing, and no divisor.
	ratios floor-swap "${rate_rows[@]}"
	for name in "${!contenders[@]}"; do
		ratios "$name" "${ns_rows[@]}" "${rate_rows[@]}"
	done
	ratios nft-v4 "${rate_rows[@]}"
	ratios haproxy-v4 "${http_rows[@]}"
	regression
	[ "$keep" = no ] || baseline_keep
	say "all samples are in $json"
}
