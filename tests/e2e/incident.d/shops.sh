# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The shops of the story: each is a service with a web-01 and a web-02 of its own, so that each way to forget a server has
# one, and all happen side by side. In each, web-02 is away from some moment on, and web-01 gets all requests.
#
# A request leaves a session behind that holds memory for 32 s. Two servers carry the requests with 40 % of their memory to
# spare; one alone is out of memory after 20 s, and answers 500 to everything from then on. (In the post-mortems: 14 min.)

shops=(lease endless map stopped deleted leak)
rate=12     # requests a second of each shop, at random, the same ones for every contender
seed=1
memory_mib=64
session_ms=32000
interval_ms=1000 # of checks, for every contender
declare -A port_of=([lease]=81 [endless]=82 [map]=83 [stopped]=84 [deleted]=85 [leak]=86 [story]=87)

# These are smaller: one of their servers could carry them, were it not for what else happens there.
small=(leak story)

session_memory() { # SHOP
	if [[ " ${small[*]} " = *" ${1%%,*} "* ]]; then echo 96K; else echo 200K; fi
}

serve() { # HOST SHOP[,SHOP...]: their web servers
	local shop ports=''
	for shop in ${2//,/ }; do
		ports+=${ports:+,}${port_of[$shop]}
	done
	tools/lab serve "$1" "$ports" $memory_mib --session-memory "$(session_memory "$2")" --session-ms $session_ms \
		--lame-ms 4000
}

servers_of() { # SHOP: the third stands by where nothing but a third one helps
	if [ "$1" = stopped ]; then echo web-01 web-02 web-03; else echo web-01 web-02; fi
}

address() { # HOST
	local name=${1^^}
	name=${name//-/_}
	echo "${!name}"
}

shops_up() { # SHOP...
	local shop large='' few=''
	for shop; do
		if [[ " ${small[*]} " = *" $shop "* ]]; then few+=${few:+,}$shop; else large+=${large:+,}$shop; fi
	done
	serve web-01 "$large" && serve web-02 "$large" && serve web-01 "$few" && serve web-02 "$few" && serve web-03 stopped
}

# Their memory is that of servers that have carried their half for long.
shops_warm() { # SHOP...
	local shop urls=()
	for shop; do
		urls+=("http://$WEB_01:${port_of[$shop]}/warm?rate=$((rate / 2))" "http://$WEB_02:${port_of[$shop]}/warm?rate=$((rate / 2))")
	done
	on lb curl -s -f -X POST "${urls[@]}" >/dev/null
}

loads_start() {
	local one shop
	loads=()
	for one in "${contenders[@]}"; do
		for shop in $(as "$one" shops_of); do
			load_shop "$one" "$shop" &
			loads+=($!)
		done
	done
}

load_shop() { # CONTENDER SHOP
	enter "$1"
	on_exec client load --target "$VIP:${port_of[$2]}" --source "$CLIENT_1" --source "$CLIENT_2" --rate $rate \
		--seed $seed --duration 600 --timeout 5000 --json --log-all --log "$tmp/$1.$2.log" \
		</dev/null >"$tmp/$1.$2.load" 2>"$tmp/$1.$2.err"
}

# Whoever lets requests fail has done so for the whole window; nobody is waited for longer than that takes on a busy machine.
loads_end() {
	local until=$(($(now_ms) + 90000)) one shop first due
	for one in plain haproxy; do
		for shop in "${shops[@]}"; do
			while :; do
				first=$(grep -m 1 '"not_200"' "$tmp/$one.$shop.log" | jq .opened_ms)
				due=$((${first:-$until} + (window_s + 3) * 1000))
				[ "$(now_ms)" -lt $((due < until ? due : until)) ] || break
				sleep 1
			done
		done
	done
	kill -TERM "${loads[@]}"
	wait "${loads[@]}"
}

leak() { # SHOP BYTES_PER_S: of web-01
	on web-01 curl -s -X POST "http://127.0.0.1:${port_of[$1]}/leak?rate=$2" >/dev/null
}
