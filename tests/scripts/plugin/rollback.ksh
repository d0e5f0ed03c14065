# Back to the version before, with what was granted to that one.
plugin install plugins/naming-1.wasm --grant clock
plugin install plugins/naming-2.wasm --yes
plugin info naming -O json | jq '.history | map({version, granted})'
plugin rollback naming
expect error plugin-no-history plugin rollback naming
