# SPDX-License-Identifier: GPL-2.0-or-later
# From the result: what each other subject's figure is, divided by that of $to, as figures again. Like with like: of the
# same family of addresses, unless $to is a floor. A ratio is taken in each round, where both met the same machine; the
# median of them is printed.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;

def v6: contains("-v6");
def floor: startswith("floor-");
def comparable: (floor | not) and . != $to and (($to | floor) or v6 == ($to | v6));

. as $all
| [.figures[] | select(.subject == $to)] as $base
| .figures = [$base[] as $b | $all.figures[] | select(.row == $b.row and (.subject | comparable)) | . as $f
	| [$f.rounds | to_entries[] | select($b.rounds[.key] != null and $b.rounds[.key] > 0) | .value / $b.rounds[.key]]
	| select(length > 0) | {row: $f.row, subject: $f.subject, median: median, min: min, max: max}]
