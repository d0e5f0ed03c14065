# What was most likely meant: names that are there, keys that rows have, values with their units.
cluster up demo --brokers 3
cluster use demo
topic create orders payments
produce orders <<END
a
END
consume orders --group billing | jq -s 'length'
try topic describe oders
try topic delete oder --yes
try consume orders paymnts
try config get topic/oders
try group describe biling
try topic describe nothing-like-it
topic list | where '.nme == "orders"'
consume orders | where '.status? == null or .statsu == null'
try topic set orders partitions=4
try topic set orders retention.ms=7days
topic create small --replication-factor 1
topic set orders min.insync.replicas=4
try expect topic list | jq 'length == 2'
try expect topic list | jq '.[] | select(.name == "orders") | .partitions == 4 and .offline == 0'
try expect error topic-exists topic create another
