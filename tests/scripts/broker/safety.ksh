# A broker that partitions cannot spare is not stopped without --force.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 3 --replication-factor 3
broker stop 3 | jq ".[].node"
expect error under-min-isr broker stop 2
broker stop 2 --force | jq '.[].node'
