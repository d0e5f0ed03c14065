# What a policy is told of a change: where it stands in the script, and whether it is only tried.
plugin new told --kind policy | head 0
!cp tests/scripts/plugin/told.rs told/src/lib.rs
plugin build told -O json | jq '.name'
plugin install told/target/plugin/told.wasm | jq '.name'
plugin new birth --kind step | head 0
plugin build birth -O json | jq '.name'
plugin install birth/target/plugin/birth.wasm | jq '.name'
policy bind told
# A step that creates a topic, planned, tried and done.
cluster plan --spec tests/scripts/plugin/told.toml | jq '.name'
cluster up --spec tests/scripts/plugin/told.toml --dry-run | jq '.name'
cluster up --spec tests/scripts/plugin/told.toml | jq '.name'
cluster use demo
topic create one --partitions 1 --dry-run
topic create one --partitions 1 --replication-factor 1
topic add-partitions one --total 2 --dry-run
topic set one retention.ms=1h
topic delete one --dry-run
topic delete one --yes
