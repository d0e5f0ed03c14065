# Off, and on again with the grants it had.
plugin install plugins/naming-1.wasm --yes
plugin disable naming --dry-run
plugin disable naming
expect plugin list --installed | jq '.[0].state == "disabled"'
plugin enable naming
expect plugin list --installed | jq '.[0].state == "ready"'
expect error plugin-bundled plugin disable launch
