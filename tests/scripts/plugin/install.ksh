# Installing: what is asked for is said, and granted by name or as a whole.
expect error consent-needed plugin install plugins/house-rules-1.wasm
try plugin install plugins/house-rules-1.wasm
plugin install plugins/house-rules-1.wasm --dry-run
plugin install plugins/house-rules-1.wasm --grant clock --grant 'cluster-read=orders-eu-*' -O json
# The same file again changes nothing.
plugin install plugins/house-rules-1.wasm
# A newer one keeps what it has; what is new is asked for.
try plugin install plugins/house-rules-2.wasm
plugin install plugins/house-rules-2.wasm --yes
# Nothing to grant: nothing to ask.
plugin install plugins/quiet.wasm --name hush
plugin list --installed
