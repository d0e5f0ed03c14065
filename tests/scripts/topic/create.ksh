# Topics are made, seen by every broker, and described.
cluster up demo --brokers 3
cluster use demo
topic create test --partitions 4 --replication-factor 3 --config retention.ms=7d
topic create test --partitions 4 --if-not-exists
expect error topic-exists topic create test --partitions 4
topic describe test | jq '{name, partitions: (.partitions | length), rf: .replication_factor}'
topic set test retention.ms=1d cleanup.policy=compact
topic describe test | jq '.configs'
topic unset test cleanup.policy
topic add-partitions test --total 6
topic list
topic delete test --yes
topic list
