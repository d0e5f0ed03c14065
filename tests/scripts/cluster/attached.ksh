# An attached cluster is changed only where that was asked for, and only while it is that cluster.
expect error missing-argument cluster attach other --writable
cluster up demo --brokers 1
cluster attach other --bootstrap 127.0.0.1:9091 --zookeeper 127.0.0.1:2181 -X client.id=me | jq '.access'
try @other topic create t --partitions 1
cluster attach other --writable | jq '.access'
@other zookeeper get /cluster/id | jq '.path'
@other topic create t --partitions 1
cluster attach other | jq '.access'
expect error read-only @other topic set t retention.ms=1d
expect error read-only @other consume t --group g
@other consume t
# Another cluster at the same address.
cluster attach other --writable | jq '.access'
cluster attach next --bootstrap 127.0.0.1:9091 --writable | jq '.access'
cluster destroy demo --yes | jq '.name'
cluster up demo --brokers 1 | jq '.name'
expect error cluster-id-changed @next topic create t --partitions 1
expect error cluster-id-changed cluster attach next --writable
cluster attach next --bootstrap 127.0.0.1:9091 --writable | jq '.access'
@next topic create t --partitions 1
