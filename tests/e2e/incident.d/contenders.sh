# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The balancers that the same story happens to, each in a lab of its own, side by side: Muster; Muster with its protections
# off, a plain round robin; HAProxy.

contenders=(muster plain haproxy)
base=$MUSTER_LAB

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# From here on this shell is in the contender's lab, and its verbs (balancer_up, drain, ...) are the contender's.
enter() { # CONTENDER
	contender=$1 MUSTER_LAB=$base-$1 lab=$base-$1 run=/run/$base-$1
	[ ! -e "$run/up" ] || lab_found
	# shellcheck source=/dev/null
	if [ "$1" = haproxy ]; then . tests/e2e/incident.d/haproxy.sh; else . tests/e2e/incident.d/muster.sh; fi
}

as() { # CONTENDER CMD...
	(
		enter "$1"
		shift
		"$@"
	)
}

# each CMD...: in all labs at once
each() {
	local one pids=()
	for one in "${contenders[@]}"; do
		as "$one" "$@" &
		pids+=($!)
	done
	for one in "${pids[@]}"; do
		wait "$one" || return
	done
}

contender_up() {
	tools/lab up --no-agent >"$tmp/up.$contender" 2>&1 || return
	lab_found
	# shellcheck disable=SC2046
	shops_up $(shops_of) && balancer_up $(shops_of)
}

contender_warm() {
	# shellcheck disable=SC2046
	shops_warm $(shops_of)
}

shops_of() { # of this contender
	echo "${shops[@]}"
	[ "$contender" != muster ] || echo story
}

labs_down() {
	local status=$? one
	for one in "${contenders[@]}"; do
		MUSTER_LAB=$base-$one tools/lab down >/dev/null 2>&1
	done
	return $status
}
trap 'labs_down; cleanup' EXIT

# mistake SHOP CMD...: made now, by somebody who then goes home
mistake() {
	local shop=$1
	shift
	now_ms >"$tmp/$contender.$shop.since"
	"$@" >"$tmp/$contender.$shop.said" 2>&1
}

# The forgotten test, in all its forms. The file first: what HAProxy was told at run time is gone after its reload.
forget_web_02() {
	local edit
	edit=$(edit_maps map)
	mistake deleted delete deleted
	mistake lease drain lease
	mistake endless drain_for_ever endless
	# shellcheck disable=SC2086
	mistake map $edit
	mistake stopped tools/lab stop web-02 "${port_of[stopped]}"
	mistake leak drain leak
	leak leak 1000000
}

since() { # CONTENDER SHOP: when its mistake was made
	cat "$tmp/$1.$2.since"
}
