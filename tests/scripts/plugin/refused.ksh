# Files that are refused, and why.
try plugin install plugins/beyond.wasm --yes
try plugin install plugins/module.wasm --yes
try plugin install plugins/launch.wasm --yes
try plugin install plugins/traversal.wasm --yes
try plugin install plugins/quiet.wasm --name ../../etc/passwd
try plugin install plugins/house-rules-1.wasm --grant state
try plugin install plugins/house-rules-1.wasm --grant 'cluster-read=*'
try plugin install plugins/house-rules-1.wasm --grant clok
try plugin install plugins/house-rules-1.wasm --grant 'cluster-read=a b'
try plugin install plugins/house-rules-1.wasm --grant log
# What would drive a terminal is no text.
try plugin inspect plugins/odd.wasm
try plugin install plugins/odd.wasm --yes
expect plugin list --installed | jq 'length == 0'
