# SPDX-License-Identifier: GPL-2.0-or-later
# Figures from samples (slurped): of each row and subject the median, the least and the most of its rounds. In stats rows
# the empty program's nanoseconds of the same round are taken off; rate rows are packets a second.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def ns: .run_ns / .runs;

(map(select(.subject == "floor-empty" and .runs > 0) | {key: "\(.row) \(.round)", value: ns}) | from_entries) as $empty
| map(. + if .row | startswith("http") then {}
	elif .row | startswith("rate") then {value: ((.servers + .client) / .seconds)}
	elif .subject == "floor-empty" then {value: ns}
	else {value: (ns - $empty["\(.row) \(.round)"])} end)
| group_by([.row, .subject])
| map({row: .[0].row, subject: .[0].subject, median: (map(.value) | median), min: (map(.value) | min),
	max: (map(.value) | max), rounds: length})
