# A plan is shown before anything is there, and nothing is done by showing it.
cluster up demo --brokers 1 --base-port 9191 --dry-run | jq '[.steps[] | {step, actions: [.actions[].action]}]'
cluster list
