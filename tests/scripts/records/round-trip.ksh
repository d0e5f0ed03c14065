# Records out as envelopes and back in are the same records.
cluster up demo --brokers 3
cluster use demo
topic create a b --partitions 1 --replication-factor 3
produce a --key-separator : <<END
k1:one
k2:two
END
jq -n '{key: null, value: {base64: "/wA="}, headers: [{name: "h", value: "1"}, {name: "h", value: null}]}' | produce a --envelope
jq -n '{key: "k1", value: null}' | produce a --envelope
consume a -O jsonl | jq 'del(.timestamp)'
consume a | produce b
consume b -f '%k=%s;%h\n'
