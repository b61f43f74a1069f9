# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the replay asks of Muster, in its lab, and of the table.

# Scaled from 30 s: checks come twice as often as by default, readings of memory ten times.
out_told_ms=15000 limit_told_ms=3000

serves() { # SHOP SERVER
	SERVICE=$1 is "$2" .serving
}

attention() { # PATTERN: a sentence of the status
	status '.attention[]' | grep -qE "$1"
}

alerts() { # FILTER: of the open ones
	muster -j alerts | jq -r ".alerts[] | $1"
}

alerted() { # NAME SHOP SERVER [FILTER]
	[ -n "$(alerts "select(.alert == \"$1\" and .service == \"$2\" and .server == \"$3\" and (${4-true})).alert")" ]
}

# When the journal has the first entry like that since the shop's mistake, in ms.
entry_ms() { # SHOP FILTER [SINCE_MS]
	entries "${3-$(since muster "$1")}" "select(.service == \"$1\" and ($2)).at" | head -n 1
}

told_of() { # SHOP FILTER: the journal has such an entry
	[ -n "$(entry_ms "$@")" ]
}

# The entry gave web-02 back, within two checks.
back_by() { # SHOP KIND
	local given back
	given=$(entry_ms "$1" '.kind == "'"$2"'" and .server == "web-02"')
	back=$(entry_ms "$1" '.kind == "weight" and .server == "web-02" and .from == "0"' "${given:-0}")
	between 0 $((2 * interval_ms)) "$((${back:-999999} - ${given:-0}))" "$1: $2, and web-02 serves within two checks"
}

nobody_failed() { # SHOP
	local sentence="$1: with Muster no request is answered 5xx, and none fails"
	if [ "$(figure muster "$1" '.requests > 1000 and .errors + .failed == 0')" = true ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "$(figure muster "$1" .)"$'\n'"$(jq -s -r '[.[] | select(.result != "ok")] | .[:5][] |
			"\(.wall_ms / 1000 | strftime("%H:%M:%S")) \(.result) \(.error) of \(.server) after \(.wall_ms - .opened_ms) ms"' \
			"$tmp/muster.$1.log")"$'\n'"$(entries 0 "select(.service == \"$1\" and (.kind | IN(\"sync\", \"alert\") | not)) |
			[.time[11:23], .kind, .server, .to, .cause] | map(values) | join(\" \")" | tail -n 20)"
	fi
}

most_failed() { # CONTENDER SHOP
	local window lost lasted
	read -r window lost lasted < <(figure "$1" "$2" '"\(.window) \(.lost) \(.lasted | floor)"')
	between "$window_s" 999 "$lasted" "$2: the load goes on for a minute after the first 5xx with $1"
	between $((window / 2 + 1)) "$window" "$lost" "$2: and of the requests in that minute $lost of $window fail"
}

# Out with no valid order: an alert from then on. Under one: at the latest when the first limit or forecast is passed.
told_in_time() { # SHOP
	local since limit=$out_told_ms alert sentence
	since=$(since muster "$1")
	alert=$(first_alert "$1" "$since")
	case "$1" in
	lease | endless | leak)
		limit=$limit_told_ms
		since=$(entry_ms "$1" '.server == "web-01" and ((.kind == "memory" and (.to | IN("low", "hard"))) or
			(.kind == "forecast" and .to != "no end near"))')
		;;
	esac
	sentence="$1: an alert tells it in time"
	if [ -n "$alert" ] && [ -n "$since" ] && [ "$alert" -le $((since + limit)) ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "the alert came at ${alert:-no time}, and should have by $limit ms after ${since:-(nothing)}"
	fi
}

# names CAUSE EVIDENCE: a cause in the post-mortem, with a row of evidence that has its time
names() {
	same true "$(jq --arg cause "$1" --arg evidence "$2" '[.causes[] | select(.text | startswith($cause)).evidence[] |
		test("^[0-9-]{10} [0-9:]{8} UTC: ") and contains($evidence)] | any' "$tmp/postmortem.json")" \
		"the post-mortem names it: $1"
}
