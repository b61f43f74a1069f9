# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Rows: which packets are sent, and what of them is kept. Each sample is a line of JSON in $samples.

new_samples=0
new_lead=32768 # fresh flows ahead of a sample of them: more than are half open at a time

# aim SUBJECT COMMAND OPTION...: the tool "packets" on its stand, at the service; its line.
aim() {
	local subject=$1 command=$2 to=$VIP
	shift 2
	[ "$(subject_family "$subject")" = v4 ] || to=$VIP6
	stand_enter "$subject"
	in_host client packets "$command" --net "$run/net" --cpu "$cpu" --to "${send_to:-$to}" --port "$port" \
		--mac "$front_mac" --from "$client_mac" "$@"
}

# "LIVE PROVEN": the flows that musterd counts in the kernel's tables, and those of them that stand among the proven. It
# counts all few seconds; so much time is given to it.
muster_flows() { # WANTED ENTRIES-A-FLOW
	local try counted
	for try in {1..100}; do
		counted=$(in_host lb muster -j show stats | jq -r --argjson n "$2" '"\(.live_flows) \(.flow_table.used / $n)"')
		[ "$counted" != "$1 $1" ] || break
		sleep 0.2
	done
	echo "$counted"
}

# What the balancer itself says about the flows that were opened.
flows_check() { # SUBJECT FLOWS
	local subject=$1 flows=$2 entries=2 counted
	stand_enter "$subject"
	case "$subject" in
	floor-*) ;;
	nft-*)
		counted=$(in_host lb conntrack -L -p tcp --state ESTABLISHED 2>/dev/null | wc -l)
		[ "$counted" = "$flows" ] || fail "$subject: of $flows flows opened, $counted are established"
		;;
	*)
		[ -e "$run/musterd.yaml" ] || return 0
		subject_answers "$subject" || entries=1
		counted=$(muster_flows "$flows" $entries)
		[ "$counted" = "$flows $flows" ] ||
			fail "$subject: of $flows flows opened, ${counted% *} are live, and ${counted#* } proven"
		;;
	esac
}

# Opens so many flows, and makes sure that they are all there. A sample that rests on fewer would say nothing.
establish() { # SUBJECT FLOWS
	local subject=$1 flows=$2 answers=() opened arrived
	case "$subject" in floor-*) return ;; esac
	! subject_answers "$subject" || answers=(--answers)
	say "open: $flows flows of $subject"
	opened=$(aim "$subject" open --flows "$flows" "${answers[@]}")
	arrived=$(aim "$subject" send --kind data --count "$flows" | jq '.servers + .client')
	[ "$arrived" = "$flows" ] ||
		fail "$subject: of one packet on each of $flows flows, $arrived arrived; when they were opened: $opened"
}

# All subjects' flows are opened before any is counted: musterd counts meanwhile.
establish_all() { # FLOWS SUBJECT...
	local most=$1 subject
	shift
	[ "$most" != 0 ] || return 0
	for subject; do
		establish "$subject" "$(subject_room "$subject" "$most")"
	done
	say "count: the flows that are proven, as the balancers see them"
	for subject; do
		flows_check "$subject" "$(subject_room "$subject" "$most")"
	done
}

# The options of a row's packets, in $row_options; what must come of them, in $row_want: all arrive, or all are seen.
row_plan() { # ROW SUBJECT
	send_to='' row_want=arrive
	case "$1" in
	new | rate-new)
		# Every packet's tuple is fresh: no sample is as long as 16 million packets, and it takes 233 of them until
		# one comes again. 0 are those of the established flows.
		row_options=(--kind syn --lead $new_lead --first $(((new_samples++ % 233 + 1) << 24)))
		row_want=most
		;;
	other)
		send_to=$other_v4
		[ "$(subject_family "$2")" = v4 ] || send_to=$other_v6
		row_options=(--kind data --flows 50000)
		row_want=seen
		;;
	rate) row_options=(--kind data --flows 50000) ;;
	*) row_options=(--kind data --flows "$1") ;;
	esac
	case "$1" in rate*) row_want=rate ;; *) row_options+=(--stats) ;; esac
	[ "$2" != floor-empty ] || [ "$row_want" = rate ] || row_want=seen
}

# What must hold of a sample: its figure is that of the packets that the row is about.
sample_check() { # ROW SUBJECT LINE
	local share
	share=$(jq -r --arg want "$row_want" '
		if $want == "seen" then .runs / .sent else (.servers + .client) / .sent end * 1000 | floor' <<<"$3")
	case "$row_want" in
	arrive | seen) [ "$share" -ge 999 ] ;;
	most) [ "$share" -ge 990 ] ;;
	rate) [ "$share" -gt 0 ] ;;
	esac || fail "$2, row $1: of 1000 packets $share came where they should: $3"
}

# Connection tracking is as large as the host's limit; a sample of fresh flows begins with an empty table and ends
# before it is full, so that what is measured is entering flows and not looking for room.
nft_table_empty() {
	in_host lb conntrack -F >/dev/null 2>&1
	row_options+=(--count $(($(in_host lb sysctl -n net.netfilter.nf_conntrack_max) * 3 / 4)))
}

sample() { # ROW SUBJECT ROUND
	local row=$1 subject=$2 round=$3 line
	row_plan "$row" "$subject"
	stand_enter "$subject"
	case "$row:$subject" in *new:nft-*) nft_table_empty ;; esac
	line=$(aim "$subject" send --seconds "$seconds" "${row_options[@]}")
	# The first round only makes caches, pages and tables what they are in the others.
	[ "$round" != 0 ] || return 0
	sample_check "$row" "$subject" "$line"
	jq -c --arg row "$row" --arg subject "$subject" --argjson round "$round" \
		'{row: $row, subject: $subject, round: $round} + .' <<<"$line" >>"$samples"
}

# Whether a row is about a subject.
row_has() { # ROW SUBJECT
	case "$1:$2" in
	1000:*) ;;
	*:dr-* | *:ipip-* | *:gue-*) [ ${#chosen[@]} != 0 ] || return 1 ;;
	esac
	case "$1:$2" in
	rate*:floor-empty | rate-new:floor-* | rate:*-32k | 50000*:*-32k) return 1 ;;
	rate*) return 0 ;;
	*:nft-*) return 1 ;;
	esac
}

# A row of several subjects: round by round, one after the other.
row() { # ROW SUBJECT...
	local row=$1 round subject
	shift
	for ((round = 0; round <= rounds; round++)); do
		say "row $row, round $round of $rounds"
		for subject; do
			! row_has "$row" "$subject" || sample "$row" "$subject" "$round"
		done
	done
}
