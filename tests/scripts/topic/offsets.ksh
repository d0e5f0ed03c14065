# Where logs begin and end, before and after records came.
cluster up demo --brokers 1
cluster use demo
topic create t --partitions 2
topic offsets t
produce t --partition 1 <<END
a
b
END
topic offsets t
topic offsets t -O json
expect error topic-not-found topic offsets other
topic set t retention.ms=1d
topic describe t | jq '.configs'
topic unset t retention.ms
topic describe t | jq '.configs'
