#!/usr/bin/env kafsh
# Restarts one broker the careful way: only when every replica is in sync, and done only when they
# are again.
#
#   kafsh -C demo run scripts/examples/rotate-broker.ksh --broker 2

param broker = 2

wait 60s cluster status | jq '.healthy'
broker stop $broker
wait 60s cluster status | jq '.brokers_ready == .brokers_total - 1'
broker start $broker
wait 120s cluster status | jq '.healthy and .partitions.under_replicated == 0'
cluster status
