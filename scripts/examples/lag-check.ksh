#!/usr/bin/env kafsh
# A nightly check: fails, with status 1 and a line for each, when a group lags too far behind.
#
#   kafsh -C prod run scripts/examples/lag-check.ksh --limit 10000

param limit = 1000

let worst = 0
let groups = group list | jq '[.[].group]'
for g in $groups {
  let lag = group describe $g | jq '.total_lag'
  if jq -n '$lag > $limit' { jq -n '"\($g) lags by \($lag)"' }
  let worst = jq -n '[$worst, $lag] | max'
}
expect jq -n '$worst <= $limit'
