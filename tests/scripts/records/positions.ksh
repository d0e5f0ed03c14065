# Where reading starts and stops.
cluster up demo --brokers 1
cluster use demo
topic create t --partitions 1
!seq 1 9
  | produce t
consume t --from -2
consume t --from 3 --to 5
consume t --count 1
consume t | where '.value | tonumber > 7'
consume t | head 2
expect error topic-not-found consume nowhere
# Beyond the end, and the one timestamp that cannot be written.
consume t --from 99999
expect error bad-value produce t --timestamp 0 <<END
a
END
expect error bad-envelope produce t --envelope <<END
{"value":"z","timestamp":0}
END
consume t --count 20 --timeout 300ms
