# What changed something or was refused is found again; what only reads, or is a dry run, leaves nothing.
audit
cluster up demo --brokers 3
cluster use demo
policy bind naming --set 'pattern=[a-z-]+'
topic create good --partitions 2 --replication-factor 3
try topic create BadName --dry-run
try topic create BadName
try topic create good
topic list
# Of several, one that was refused is told.
try jq -n '[{"name": "fine"}, {"name": "NotFine"}]' | topic create
audit --failed | jq -r '.[] | "\(.cluster) \(.outcome): \(.command)"'
audit --since 1h --count 2 | jq -r '.[].outcome'
audit --cluster other
expect audit --cluster demo | jq 'length > 0 and all(.cluster == "demo" and .time_ms > 0)'
