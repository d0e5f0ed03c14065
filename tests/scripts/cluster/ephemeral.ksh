# What was made to stay stays: only what a run made with --ephemeral goes with it.
cluster up demo --brokers 1
try cluster up demo --ephemeral
expect error not-ephemeral cluster up demo --ephemeral --apply
expect error not-ephemeral cluster up demo --ephemeral --dry-run
cluster up gone --brokers 1 --base-port 9191 --ephemeral
cluster up gone --ephemeral
on-exit {
    cluster list | jq '[.[] | {name, ephemeral}]'
}
