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
