# Forgotten, with its grants.
plugin install plugins/house-rules-1.wasm --yes
try plugin remove house-rules
plugin remove house-rules --dry-run
plugin remove house-rules --yes
expect error plugin-not-found plugin remove house-rules --yes
plugin remove house-rules --if-exists --yes
expect error plugin-bundled plugin remove launch --yes
expect error consent-needed plugin install plugins/house-rules-1.wasm
# Not while it is in charge: it would be asked, and refuse.
plugin install plugins/house-rules-1.wasm --yes
policy bind house-rules --name rules --mode warn
try plugin remove house-rules --yes
policy unbind rules
plugin remove house-rules --yes
