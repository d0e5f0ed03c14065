# Off, and on again with the grants it had.
plugin install plugins/house-rules-1.wasm --yes
plugin disable house-rules --dry-run
plugin disable house-rules
expect plugin list --installed | jq '.[0].state == "disabled"'
plugin enable house-rules
expect plugin list --installed | jq '.[0].state == "ready"'
expect error plugin-bundled plugin disable launch
# One that is in charge is missed.
cluster up demo --brokers 1
cluster use demo
policy bind house-rules --name rules --mode warn
policy mode rules enforce
plugin disable house-rules
try topic create orders --partitions 1
plugin enable house-rules
policy mode rules warn
plugin disable house-rules
topic create orders --partitions 1
