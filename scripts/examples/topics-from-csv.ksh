#!/usr/bin/env kafsh
# Many topics from a file: tried first, then made; what exists already is left as it is.
#
#   kafsh -C demo run scripts/examples/topics-from-csv.ksh --file my-topics.csv

param file = "scripts/examples/topics.csv"

read $file | topic create --if-not-exists --dry-run
read $file | topic create --if-not-exists

let wanted = read $file | jq '[.[].name]'
for name in $wanted {
  wait 30s topic describe $name | jq 'all(.partitions[]; (.isr | length) == (.replicas | length))'
}
topic list
