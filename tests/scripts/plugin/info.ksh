# What a plugin is, may do and is held to.
plugin install plugins/naming-1.wasm --grant clock
plugin info naming
plugin info naming -O json | jq '.limits'
plugin info launch -O json | jq '{name, kind, source, state, capabilities, failures}'
try plugin info namin
