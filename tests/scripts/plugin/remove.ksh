# Forgotten, with its grants.
plugin install plugins/naming-1.wasm --yes
try plugin remove naming
plugin remove naming --dry-run
plugin remove naming --yes
expect error plugin-not-found plugin remove naming --yes
plugin remove naming --if-exists --yes
expect error plugin-bundled plugin remove launch --yes
expect error consent-needed plugin install plugins/naming-1.wasm
