# What a plugin would do, and nothing is changed.
plugin try preflight
cluster up demo --brokers 3
cluster use demo
plugin try replication --set min=3 --topic orders --replication-factor 1
plugin try retention --set max=1h --set clamp=true --config retention.ms=-1
plugin try partitions --set max=3
jq -n '{user: {name: "Ada"}}' | plugin try flatten
topic create people --partitions 1
produce people <<END
{"name":"Kim","age":41}
no JSON
END
plugin try mask-fields --set fields=name --from people
plugin try filter --set keep='.age > 50' --from people --count 1
# The cluster in use, or one that is named.
plugin try preflight
plugin try preflight --cluster demo
try plugin try flatten
try plugin try replication --count 2
try plugin try nobody
try plugin try nothing.wasm
