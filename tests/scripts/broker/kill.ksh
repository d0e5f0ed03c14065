# A broker is killed, its partitions lack a replica, and it comes back.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 6 --replication-factor 3
broker kill 2 --yes | jq ".[].node"
wait 10s cluster status | jq '.partitions.under_replicated == 6'
cluster status | jq '{state, brokers_ready}'
produce t <<END
while one is down
END
broker start 2 | jq ".[].node"
wait 10s cluster status | jq '.healthy'
consume t
