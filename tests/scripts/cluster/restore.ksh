# What was moved aside comes back as it was; what cannot be told apart is refused.
cluster up demo --brokers 1
cluster use demo
topic create t --partitions 1
produce t <<END
kept
END
expect error still-running cluster archive demo
cluster stop | jq 'length'
let unit = cluster archive demo | jq '.unit'
cluster up demo
topic list
expect error still-running cluster restore demo $unit
cluster stop | jq 'length'
expect error archive-not-found cluster restore demo no-such-unit
cluster restore demo | jq 'length'
cluster restore demo $unit | jq 'keys'
cluster start | jq '[.[].action]'
consume t
