#!/usr/bin/env kafsh
# Finds a record across all topics: by a word in its value, as the envelopes it came in.
#
#   kafsh -C demo run scripts/examples/find-record.ksh --word failed

param word = "hello"

let topics = topic list | jq '[.[] | select(.internal | not) | .name]'
for t in $topics {
  consume $t --from earliest --to end
    | where '(.value | type) == "string" and (.value | contains($word))'
    | jq '{topic, partition, offset, key, value}'
}
