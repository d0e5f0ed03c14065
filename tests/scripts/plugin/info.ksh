# What a plugin is, may do and is held to.
plugin install plugins/house-rules-1.wasm --grant clock
plugin info house-rules
plugin info house-rules -O json | jq '.limits[0, 2, -1]'
# Every limit of a step and of a transform, with its unit.
plugin info launch -O json | jq '.limits[] | "\(.limit): \(.value) \(.unit), cap \(.cap)"'
plugin info mask-fields -O json | jq '.limits[] | "\(.limit): \(.value) \(.unit), cap \(.cap)"'
plugin info launch -O json | jq '{name, kind, source, state, capabilities, failures}'
try plugin info house-rule
