# From nothing to three brokers and back.
cluster up demo --brokers 3 --base-port 9091
cluster use demo
cluster plan | jq '[.steps[].actions[]] | length'
cluster status | jq '{state, healthy, controller, brokers_ready}'
cluster up demo
cluster stop | jq ".[].node"
cluster status | jq '.state'
cluster start | jq ".[].node"
expect error settings-differ cluster up demo --brokers 4
cluster list | jq '[.[] | .name]'
cluster destroy demo --yes | jq '.name'
cluster list
