# Forgotten, with its grants.
plugin install plugins/house-rules-1.wasm --yes
try plugin remove house-rules
plugin remove house-rules --dry-run
plugin remove house-rules --yes
expect error plugin-not-found plugin remove house-rules --yes
plugin remove house-rules --if-exists --yes
expect error plugin-bundled plugin remove launch --yes
expect error consent-needed plugin install plugins/house-rules-1.wasm
