# SPDX-License-Identifier: GPL-2.0-or-later
# Figures from samples (slurped): of each row and subject the value of each round, their median, the least and the most.
#   1, 1000, ..., new, other   nanoseconds a packet; the empty program's of the same round are taken off, but for its own
#   rate, rate-new             packets that arrived, for a second of the CPU that sends and forwards
#   http, http-machine         microseconds of CPU a request: the balancer's, the whole machine's

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def ns: .run_ns / .runs;

(map(select(.subject == "floor-empty" and .runs > 0) | {key: "\(.row) \(.round)", value: ns}) | from_entries) as $empty
| map(if .row == "http" then
		. + {value: ((.program_ns + .process_ns) / .requests / 1000)},
		. + {row: "http-machine", value: (.machine_ns / .requests / 1000)}
	elif .row | startswith("rate") then . + {value: ((.servers + .client) / .cpu_seconds)}
	elif .subject == "floor-empty" then . + {value: ns}
	else . + {value: (ns - $empty["\(.row) \(.round)"])} end)
| group_by([.row, .subject])
| map({row: .[0].row, subject: .[0].subject, median: (map(.value) | median), min: (map(.value) | min),
	max: (map(.value) | max), rounds: (map({key: "\(.round)", value}) | from_entries)})
