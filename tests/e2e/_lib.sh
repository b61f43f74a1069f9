# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What every end-to-end test needs: a lab of its own that is gone afterwards, TAP whose failures are sentences, load.
#
#   . "$(dirname "$0")/_lib.sh"
#   lab_up --weights 3,1
#   same 750 "$n" "web-01 got 750 of 1,000 connections"

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
export MUSTER_LAB=${MUSTER_LAB:-muster-test}
export NO_COLOR=1
# shellcheck source=/dev/null
. tools/lab.d/enter.sh
tmp=$(mktemp -d)
count=0 failed=0

ok() {
	count=$((count + 1))
	echo "ok $count - $1"
}

# not_ok SENTENCE [EXPLANATION]
not_ok() {
	count=$((count + 1)) failed=$((failed + 1))
	echo "not ok $count - $1"
	[ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /' | head -n 30
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# same WANT GOT SENTENCE
same() {
	if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "it was ${2:-(nothing)}, and should have been $1"; fi
}

# between LOW HIGH GOT SENTENCE: whole numbers
between() {
	if [ "${3:-none}" -ge "$1" ] 2>/dev/null && [ "$3" -le "$2" ]; then
		ok "$4"
	else
		not_ok "$4" "it was ${3:-(nothing)}, and should have been from $1 to $2"
	fi
}

# contains TEXT PART SENTENCE
contains() {
	case "$1" in
	*"$2"*) ok "$3" ;;
	*) not_ok "$3" "no \"$2\" in:"$'\n'"$1" ;;
	esac
}

# check SENTENCE CMD...: it succeeds
check() {
	local sentence=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	if [ $status = 0 ]; then ok "$sentence"; else not_ok "$sentence" "\"$*\" ended with status $status:"$'\n'"$out"; fi
}

# exits STATUS SENTENCE CMD...: it ends with that status; $output is what it said
exits() {
	local want=$1 sentence=$2 status=0
	shift 2
	output=$("$@" 2>&1) || status=$?
	if [ $status = "$want" ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "\"$*\" ended with status $status instead of $want:"$'\n'"$output"
	fi
}

# within SECONDS SENTENCE CMD...: it succeeds before they are over
within() {
	local until=$((${EPOCHREALTIME/./} + $1 * 1000000)) sentence=$2
	shift 2
	local pause=0.05
	until "$@" >/dev/null 2>&1; do
		if [ "${EPOCHREALTIME/./}" -ge "$until" ]; then
			not_ok "$sentence" "\"$*\" did not come true in time; then:"$'\n'"$(muster 2>&1)"
			return 1
		fi
		sleep $pause
		pause=0.2 # to ask costs more than a test that waits may take from those beside it
	done
	ok "$sentence"
}

# --- the lab ---------------------------------------------------------------------------------------------------

cleanup() {
	local status=$?
	trap - EXIT
	[ $failed = 0 ] || { [ ! -e "$run/log/musterd" ] || tail -n 15 "$run/log/musterd" | sed 's/^/# musterd: /'; }
	jobs -p | xargs -r kill 2>/dev/null
	tools/lab down >/dev/null 2>&1
	rm -rf "$tmp"
	echo "1..$count"
	[ $status != 0 ] || [ $failed = 0 ] || status=1
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

lab_up() {
	if ! tools/lab up "$@" >"$tmp/up" 2>&1; then
		not_ok "the lab comes up with ${*:-no options}" "$(cat "$tmp/up")"
		exit 1
	fi
	lab_found
}

# The lab that stands is the one that this shell enters.
lab_found() {
	eval "$(<"$run/env")"
	cgroup_find
	keeper_pid=''
	keeper
}

# on HOST CMD...: as tools/lab exec does. In the background it is (on_exec HOST CMD...) &, whose $! is the command itself.
on_exec() {
	cgroup_enter misc
	in_host_exec "$@"
}

on() {
	(on_exec "$@")
}

muster() {
	on lb muster "$@"
}

# status FILTER: of what `muster -j` prints, by jq
status() {
	"$build/tests/e2e/ask" "/proc/$keeper_pid/root/run/muster/muster.sock" /v1/status | jq -r "$1"
}

# server NAME FILTER: of the server in the service web, or SERVICE
server() {
	status ".services[] | select(.name == \"${SERVICE:-web}\").servers[] | select(.name == \"$1\") | $2"
}

is() { # NAME FILTER: true of the server
	[ "$(server "$1" "$2")" = true ]
}

full() { # musterd is ready, and every server healthy at full weight
	[ "$(status '.ready and ([.services[].servers[] | .health.state == "up" and .weight.effective == .weight.declared] |
		all and length > 0)')" = true ]
}

# musterd by hand, for labs without a supervised one: agent_start [ENV=VALUE...], agent_pid, agent_stop SIGNAL
agent_start() {
	(on_exec lb env "$@" "$build/musterd" -f -c "$run/musterd.yaml") </dev/null 2>>"$run/log/musterd" &
	agent_pid=$!
}

agent_stop() {
	kill "-$1" "$agent_pid"
	wait "$agent_pid" 2>/dev/null
	agent_status=$?
}

# --- load --------------------------------------------------------------------------------------------------------

# For --timeout where a machine may be short of time: what is lost stays unanswered for longer than any that is late.
PATIENCE_MS=10000

# load ARGS: from the client's first address to the VIP, its result as JSON in $result
load() {
	result=$(on client load --target "$VIP:$PORT" --source "$CLIENT_1" --json "$@")
}

load6() {
	result=$(on client load --target "[$VIP6]:$PORT" --source "$CLIENT_1_V6" --json "$@")
}

# load_start ARGS: from both addresses, in the background; load_wait takes its result, load_stop ends it first
load_start() {
	(on_exec client load --target "$VIP:$PORT" --source "$CLIENT_1" --source "$CLIENT_2" --json "$@") \
		</dev/null >"$tmp/load" 2>"$tmp/load.err" &
	load_pid=$!
}

load_wait() {
	wait "$load_pid"
	result=$(cat "$tmp/load")
}

load_stop() {
	kill -TERM "$load_pid" 2>/dev/null
	load_wait
}

got() { # FILTER: of $result
	jq -r "$1" <<<"$result" 2>/dev/null
}

connections() { # SERVER
	got ".servers[\"$1\"].connections // 0"
}

# nothing_failed SENTENCE: of the last result, and there was something
nothing_failed() {
	if [ "$(got '.failed == 0 and .ok > 0')" = true ]; then
		ok "$1"
	else
		not_ok "$1" "the load's result: ${result:-(none)}"$'\n'"$(head -n 5 "$tmp/load.err" 2>/dev/null)"$'\n'"$(
			muster show verdicts 2>&1)"
	fi
}
