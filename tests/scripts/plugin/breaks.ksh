# A policy that traps, one that never ends, and two that quarrel: enforced they deny and say so.
cluster up demo --brokers 3
cluster use demo
topic create old --partitions 1 --replication-factor 1
plugin install plugins/policy-trap.wasm
plugin install plugins/policy-check-endless.wasm
# Enforced it would refuse all there is: that is not how it is bound.
try policy bind policy-trap
policy bind policy-trap --mode off
policy mode policy-trap enforce
try topic create first --partitions 1 --replication-factor 1
try policy check
policy mode policy-trap warn
topic create first --partitions 1 --replication-factor 1
policy unbind policy-trap
try policy bind policy-check-endless
policy bind policy-check-endless --mode off
policy mode policy-check-endless enforce
try topic create second --partitions 1 --replication-factor 1
policy bind policy-check-endless --mode warn
topic create second --partitions 1 --replication-factor 1
policy unbind policy-check-endless
# Two that amend one field differently.
policy bind config-keys --name week --set default=retention.ms=604800000
policy bind config-keys --name day --set default=retention.ms=86400000
try topic create third --partitions 1 --replication-factor 1
policy mode day warn
topic create third --partitions 1 --replication-factor 1
topic describe third | jq '.configs["retention.ms"]'
topic list
