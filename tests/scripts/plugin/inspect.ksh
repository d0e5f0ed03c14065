# A component, looked into without being installed.
plugin inspect plugins/house-rules-1.wasm -O json | jq 'del(.sections, .bytes)'
expect plugin inspect plugins/house-rules-1.wasm | jq '.sections | any(.name == "code" and .bytes > 0)'
expect plugin inspect crate | jq '.name == "quiet"'
try plugin inspect plugins/beyond.wasm
try plugin inspect plugins/module.wasm
expect plugin list --installed | jq 'length == 0'
