# Which group is behind, by how much, since when, and whether anybody reads what it lacks.
cluster up demo --brokers 1
cluster use demo
group list --lag
topic create t --partitions 2
topic create other --partitions 1
!seq 1 5
  | produce t --partition 0
!seq 1 3
  | produce t --partition 1
!echo first
  | produce other
consume t --group behind --count 2
consume t --group done
consume t other --group wide
group list
group list --lag
group list --lag | jq -c '.[] | [.group, .total_lag, .worst.partition, .stuck, .members, .topics]'
# Waiting is the age of the first unread record; what is read has none.
group describe behind | jq -c '.partitions[] | [.partition, .lag, .stuck, (.lag_ms | type)]'
expect group describe behind | jq '.lag_ms >= 0 and .lag_ms == .worst.lag_ms and .lag_ms < 3600000'
group describe behind | jq '.worst | {topic, partition, lag}'
expect group describe done | jq '.worst == null and .lag_ms == null and .total_lag == 0'
# A time bound that is too short hangs nobody; what was not reached is unknown, not nothing.
expect error bad-flags group list --within 1s
!seq 1 2
  | produce other
group describe wide | jq -c '.worst | {topic, lag}'
# What was committed of a topic that is gone goes with it.
topic delete t --yes
group list --lag | jq -c '.[] | [.group, .total_lag]'
