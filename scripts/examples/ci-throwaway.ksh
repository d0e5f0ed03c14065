#!/usr/bin/env kafsh
# A cluster for one CI job: free ports, its own data, gone when the script ends, however it ends.
#
#   kafsh run scripts/examples/ci-throwaway.ksh --tests './run-my-tests.sh'

param name = "ci"
# Sees KAFSH_BOOTSTRAP and every variable of this script in its environment.
param tests = 'echo "testing against $KAFSH_BOOTSTRAP"'

on-exit { try cluster logs $name --errors > "ci-cluster-errors.log" }

cluster up $name --brokers 3 --base-port auto --ephemeral
cluster use $name
topic create orders --partitions 3 --replication-factor 3
!eval "$tests"
