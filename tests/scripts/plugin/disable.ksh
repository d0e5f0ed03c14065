# Off, and on again with the grants it had.
plugin install plugins/house-rules-1.wasm --yes
plugin disable house-rules --dry-run
plugin disable house-rules
expect plugin list --installed | jq '.[0].state == "disabled"'
plugin enable house-rules
expect plugin list --installed | jq '.[0].state == "ready"'
expect error plugin-bundled plugin disable launch
