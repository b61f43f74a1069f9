# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the clients saw, from the logs of their load.

window_s=70 # from the first 5xx on

# figures CONTENDER SHOP REQUESTS: as JSON, of the first so many, which are the same ones for all. "back": until two servers answer again; 0: always did; -1: never.
figures() {
	local since alert
	since=$(since "$1" "$2") alert=$(as "$1" first_alert "$2" "$since")
	jq -s -c --arg contender "$1" --arg shop "$2" --argjson since "$since" --argjson alert "${alert:-null}" \
		--argjson window $((window_s * 1000)) --argjson n "$3" '
		def seconds: if . == null then -1 else (. - $since) / 1000 end;
		(sort_by(.opened_ms) | .[:$n]) as $all
		| ([$all[] | select(.result == "not_200")][0].opened_ms) as $first
		| [$all[] | select($first and .opened_ms >= $first and .opened_ms < $first + $window)] as $early
		| [$all[] | select(.result == "ok" and .opened_ms > $since)] as $good
		| ([$since] + [$good[] | select(.server != "web-01").opened_ms]) as $twin
		| ([range(1; $twin | length) | select($twin[.] - $twin[. - 1] > 1500)][0]) as $gap
		| (if $gap then $twin[$gap] elif $twin[-1] > $all[-1].opened_ms - 1500 then $since else null end) as $back
		| {contender: $contender, shop: $shop, requests: ($all | length),
			errors: ([$all[] | select(.result == "not_200")] | length),
			failed: ([$all[] | select(.result != "ok" and .result != "not_200")] | length),
			back: ($back | if . and any($good[]; .server == "web-01" and .opened_ms >= $back and
				.opened_ms < $back + 5000) then seconds else -1 end),
			alert: ($alert | seconds), lasted: (($all[-1].opened_ms - ($first // $since)) / 1000),
			window: ($early | length), lost: ([$early[] | select(.result != "ok")] | length)}' "$tmp/$1.$2.log"
}

all_figures() {
	local one shop least
	least=$(wc -l "$tmp"/*.log | awk '{ print $1 }' | sort -n | head -n 1)
	for shop in "${shops[@]}"; do
		for one in "${contenders[@]}"; do
			figures "$one" "$shop" "$least"
		done
	done >"$tmp/figures"
}

figure() { # CONTENDER SHOP FILTER
	jq -r --arg contender "$1" --arg shop "$2" "select(.contender == \$contender and .shop == \$shop) | $3" "$tmp/figures"
}

table() {
	jq -r 'def seconds: if . < 0 then "never" else . * 10 | round / 10 end;
		[.shop, .contender, .requests, .errors, .failed, (.back | seconds), (.alert | seconds)] | @tsv' "$tmp/figures" |
		awk -F '\t' 'BEGIN { row = "%-10s %-8s %9s %6s %7s %17s %14s\n"
			printf row, "web-02", "balancer", "requests", "5xx", "failed", "back to two (s)", "first alert (s)" }
			{ printf row, $1 == shop ? "" : $1, $2, $3, $4, $5, $6, $7; shop = $1 }'
}
