# What a plugin is, may do and is held to.
plugin install plugins/house-rules-1.wasm --grant clock
plugin info house-rules
plugin info house-rules -O json | jq '.limits'
plugin info launch -O json | jq '{name, kind, source, state, capabilities, failures}'
try plugin info house-rule
