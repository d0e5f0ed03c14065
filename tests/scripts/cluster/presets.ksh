# What the presets mean, and what `classic` warns of.
cluster up one --brokers 3 --base-port 9191 --preset classic
@one broker config 1 | jq '[.[] | select(.key | test("min.isr|flush.interval.messages")) | {key, value}]'
