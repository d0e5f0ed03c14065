# What topics hold, what is out of sync, and what a disk has left; null where nobody tells.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 3 --replication-factor 3
topic create empty --partitions 1
produce t <<END
one
three
END
topic list --sizes
topic list --sizes -O json | jq -c '.[] | [.name, .records, .size_bytes, .out_of_sync, .under_min_isr]'
topic list --under-min-isr | jq length
topic describe t | jq -c '[.records, .size_bytes, (.partitions | map(.size_bytes) | add)]'
broker list | jq -c '.[0] | [.broker, .disk_free_bytes, .disk_total_bytes]'
broker describe 1 | jq -c '.log_dirs | map([.replicas, .disk_free_bytes, .error])'
# A broker that is paused takes what it has out of sync; the others answer.
broker pause 3 | jq '.[].node'
topic list --sizes | jq -c '.[] | select(.name == "t") | [.out_of_sync, .under_min_isr]'
broker describe 3 | jq -c '.log_dirs | map([.replicas, .disk_free_bytes])'
broker resume 3 | jq '.[].node'
