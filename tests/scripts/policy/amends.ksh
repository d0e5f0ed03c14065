# What a policy amends is done by the change that was asked for, whichever it is.
cluster up demo --brokers 3
cluster use demo
topic create plain --partitions 2 --replication-factor 3
policy bind replication --set min=3 --set min-isr=1 --set fill=true
topic add-partitions plain --total 4 --dry-run
topic describe plain | jq '[(.partitions | length), .configs["min.insync.replicas"]]'
topic add-partitions plain --total 4
topic describe plain | jq '[(.partitions | length), .configs["min.insync.replicas"]]'
# What is shown of it, and waited for, is what it became.
policy bind retention --set max=1h --set clamp=true
topic set plain retention.ms=30d --dry-run
topic set plain retention.ms=30d
config set topic/plain retention.ms=-1
topic create kept --partitions 2 --replication-factor 3 --config retention.ms=7d
topic describe kept | jq '.configs["retention.ms"]'
