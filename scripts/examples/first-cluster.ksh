#!/usr/bin/env kafsh
# The first journey: one host, one ZooKeeper, three brokers on different ports, a replicated topic,
# records in and out. Run it again: what is there already is left as it is.
#
#   kafsh run scripts/examples/first-cluster.ksh --base 9191

param name = "demo"
param base = 9091

cluster up $name --brokers 3 --base-port $base
cluster use $name

topic create test --partitions 10 --replication-factor 3 --if-not-exists
wait 30s topic describe test | jq '.partitions | length == 10 and all(.isr | length == 3)'
topic describe test

produce test <<END
hello
world
END
consume test --from earliest | head 5

expect cluster status | jq '.healthy'
cluster status

jq -n '"look at it in your browser: kafsh -C \($name) ui"'
