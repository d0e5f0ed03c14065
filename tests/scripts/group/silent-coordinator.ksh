# A broker that is paused hides the groups that it coordinates, and no others; what it leads is not
# known, and not taken for nothing.
cluster up demo --brokers 3
topic create orders --partitions 3 --replication-factor 3
let partitions = jq -n '[0, 1, 2]'
for p in $partitions {
  produce orders --partition $p <<END
first
END
}
let groups = jq -n '["audit", "billing", "search", "shipping", "stock"]'
for group in $groups { consume orders --group $group | jq '.value' }
for p in $partitions {
  produce orders --partition $p <<END
second
END
}
group list --lag
broker pause 2
group list
group list --lag | jq 'map({group, total_lag, unknown})'
let known = group list | jq 'map(.group)'
expect jq -n '($groups | length) > ($known | length) and ($known | length) > 0'
broker resume 2
expect group list | jq 'length == 5'
