# What is part of kafsh, and what was installed.
expect plugin list --kind step | jq 'any(.name == "preflight" and .source == "built in")'
plugin install plugins/quiet.wasm
plugin install plugins/house-rules-1.wasm --grant clock
plugin list --installed
plugin list --kind policy --installed -O json | jq 'map({name, kind, version, state, granted})'
expect plugin list | jq 'map(select(.source == "built in")) | length >= 5'
