# What a policy amends is done by the change that was asked for, whichever it is.
cluster up demo --brokers 3
cluster use demo
topic create plain --partitions 2 --replication-factor 3
policy bind replication --set min=3 --set min-isr=1 --set fill=true
topic add-partitions plain --total 4 --dry-run
topic describe plain | jq '[(.partitions | length), .configs["min.insync.replicas"]]'
topic add-partitions plain --total 4
topic describe plain | jq '[(.partitions | length), .configs["min.insync.replicas"]]'
