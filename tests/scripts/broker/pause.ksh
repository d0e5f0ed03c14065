# A paused broker answers nobody and goes on where it was; a wiped one copies all anew.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 3 --replication-factor 3
broker pause 2 | jq '.[].node'
expect error node-paused broker start 2
broker resume 2 | jq '.[].node'
wait 10s cluster status | jq '.healthy'
broker restart 3 | jq '.[].node'
expect error still-running broker wipe 3 --yes
broker stop 3 --force | jq 'length'
broker wipe 3 --yes
broker start 3 | jq '.[].node'
wait 10s cluster status | jq '.healthy'
