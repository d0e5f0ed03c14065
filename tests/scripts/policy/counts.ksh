# What is in charge, where it comes from, what it may do, and how much each policy minds.
cluster up demo --brokers 3
cluster use demo
topic create fine --partitions 2 --replication-factor 3
topic create BadName --partitions 2 --replication-factor 3
topic create thin --partitions 2 --replication-factor 1
policy bind naming --set 'pattern=[a-z-]+'
policy bind replication --set min=3 --mode warn --topics 't*' --topics 'f*'
try policy check --summary
try policy check
expect policy list | jq 'all(.kind == "policy" and (.digest | startswith("sha256:")) and .source == "built in")'
policy list | jq -c '.[] | [.name, .mode, .granted, .means, .topics]'
plugin list --kind policy | jq -c '.[] | [.name, .kind, .source, .lacks, [.bindings[] | .name, .mode]]'
plugin info naming | jq -c '.bindings'
