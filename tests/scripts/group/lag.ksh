# A group commits what it was given, and its lag is the rest.
cluster up demo --brokers 1
cluster use demo
topic create t --partitions 1
!seq 1 5
  | produce t
consume t --group g --count 2
group list
group describe g | jq '{total_lag, state}'
consume t --group g
group describe g | jq '.total_lag'
# Partitions that the group never committed count too: all that they hold is still to be read.
topic create wide --partitions 3
!seq 1 3
  | produce wide --partition 0
consume wide --group w
!seq 1 4
  | produce wide --partition 2
group describe w | jq -r '.partitions[] | "\(.partition) \(.committed) \(.end) \(.lag)"'
expect group describe w | jq '.total_lag == 4'
