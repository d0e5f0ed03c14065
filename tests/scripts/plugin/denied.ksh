# What was stopped of plugins is found again, of all of them at once.
plugin logs --denied
cluster up demo --brokers 1
cluster use demo
topic create t --partitions 1
!echo one
  | produce t
plugin install plugins/quiet.wasm
expect error plugin-panic consume t | transform quiet
plugin disable quiet
expect error plugin-disabled consume t | transform quiet
plugin logs --denied --since 1h | jq -r '.[] | "\(.plugin) \(.level) \(.code)"'
plugin logs quiet --denied --count 1 | jq -r '.[].code'
expect plugin info quiet | jq '.failures.count == 2'
# A policy that is refused is a change that is refused: the audit log has it.
plugin install plugins/house-rules-1.wasm --grant clock
expect error plugin-not-granted policy bind house-rules
audit --failed | jq -r '.[] | "\(.outcome) \(.command)"'
