# The crate's own tests, then its cases; a difference fails, a blessing takes it over. A
# component is tested with the cases beside it.
plugin new limits --kind policy | head 0
plugin test limits | jq 'map({case, result, counted: (.fuel != null)})'
!sed -i 's/verdict = "deny"/verdict = "warn"/' limits/cases/partitions.toml
try plugin test limits | jq 'map({case, result, wrong})'
plugin test limits --bless | jq 'map({case, result})'
!tail -1 limits/cases/partitions.toml
plugin build limits | jq '.name'
try plugin test limits/target/plugin/limits.wasm
!cp -r limits/cases limits/target/plugin/cases
plugin test limits/target/plugin/limits.wasm | jq 'map({case, result})'
!sed -i 's/^request/requests/' limits/cases/partitions.toml
try plugin test limits
