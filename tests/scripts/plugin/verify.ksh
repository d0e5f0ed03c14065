# Every installed file is hashed and inspected again.
plugin verify
plugin install plugins/house-rules-1.wasm --yes
plugin install plugins/quiet.wasm
plugin verify
plugin verify quiet -O json | jq 'map({name, ok, locked})'
