#!/bin/sh
# Checks the scenarios of a project and compares them with their baselines. Any CI can run it.
#
#   SCENARIOS  a folder, or files (default: scenarios)
#   SEEDS      how many seeds each design is checked on (default: 1000)
#   SHARD      which part of the seeds, such as 2/4 (default: all)
#   REPORTS    where reports go (default: riftzone-reports)
#   RIFTZONE   the program (default: riftzone)
#
# Exit code: that of the worse of the two: 0 all held, 1 something is broken or worse, 2 a file is bad, 3 inconclusive.
set -u
scenarios=${SCENARIOS:-scenarios}
reports=${REPORTS:-riftzone-reports}
riftzone=${RIFTZONE:-riftzone}
mkdir -p "$reports" || exit 2

check=0
# shellcheck disable=SC2086 # several files are several words
"$riftzone" check $scenarios --seeds "${SEEDS:-1000}" ${SHARD:+--shard "$SHARD"} --junit "$reports/junit.xml" || check=$?

diff=0
# shellcheck disable=SC2086
"$riftzone" diff $scenarios --markdown > "$reports/diff.md" || diff=$?
cat "$reports/diff.md"

# Broken (1) is worse than inconclusive (3); a bad file (2) and an internal fault (4) are worse than both.
for code in 130 4 2 1 3; do
    if [ "$check" -eq "$code" ] || [ "$diff" -eq "$code" ]; then
        exit "$code"
    fi
done
exit 0
