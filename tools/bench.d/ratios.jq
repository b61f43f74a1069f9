# SPDX-License-Identifier: GPL-2.0-or-later
# From the result: what each other subject's figure is, divided by that of $to, as figures again. A ratio is taken in each
# round, where both met the same machine; the median of them is printed.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;

. as $all
| [.figures[] | select(.subject == $to)] as $base
| .subjects |= map(select(startswith("floor-") | not) | select(. != $to))
| .figures = [$base[] as $b | $all.figures[] | select(.row == $b.row and (.subject | startswith("floor-") | not)
	and .subject != $to) | . as $f
	| [$f.rounds | to_entries[] | select($b.rounds[.key] != null and $b.rounds[.key] > 0) | .value / $b.rounds[.key]]
	| select(length > 0) | {row: $f.row, subject: $f.subject, median: median, min: min, max: max}]
