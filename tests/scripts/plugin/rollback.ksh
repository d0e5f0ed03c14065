# Back to the version before, with what was granted to that one.
plugin install plugins/house-rules-1.wasm --grant clock
plugin install plugins/house-rules-2.wasm --yes
plugin info house-rules -O json | jq '.history | map({version, granted})'
plugin rollback house-rules
expect error plugin-no-history plugin rollback house-rules
plugin info house-rules -O json | jq -c '.later | map({version, granted})'
# What was left is kept, with its grants.
plugin rollback house-rules --to 1.1.0
plugin info house-rules -O json | jq -c '[.version, (.history | map(.version)), .later]'
try plugin rollback house-rules --to 7.0.0
