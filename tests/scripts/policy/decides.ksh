# Policies are asked by every change of a topic, dry runs and plans included; all verdicts are said.
cluster up demo --brokers 3
cluster use demo
topic create old --partitions 1 --replication-factor 1
policy bind naming --set 'pattern=[a-z-]+' --set 'says=lower case'
policy bind replication --set min=3 --set min-isr=2 --set fill=true
policy bind partitions --set min=2 --set max=12 --set multiple-of=2
try topic create BadName --partitions 1 --replication-factor 1
try topic create BadName --partitions 1 --replication-factor 1 --dry-run
topic list
# What is amended is shown, and is what is made.
topic create good --partitions 2 --replication-factor 3
topic describe good | jq '.configs'
try topic add-partitions good --total 13
try topic set good min.insync.replicas=1
try topic unset good min.insync.replicas
try config set topic/good min.insync.replicas=1
topic set good retention.ms=1d
# One that is refused does not stop the others.
try jq -n '[{"name": "fine", "partitions": 2, "replication_factor": 3}, {"name": "NotFine", "partitions": 2, "replication_factor": 3}]' | topic create
topic list
# What exists is looked at, not changed.
try policy check
try policy check good
# A warning does not stop anything; off is not asked.
policy mode naming warn
topic create Loud --partitions 2 --replication-factor 3
policy mode naming off
topic create LOUDER --partitions 2 --replication-factor 3
# Another cluster is another matter.
policy bind naming --set 'pattern=[a-z-]+' --clusters 'prod*'
topic create LOUDEST --partitions 2 --replication-factor 3
# Whose a topic is decides who may delete it, in a dry run too.
policy unbind naming
topic create team-a-orders --partitions 2 --replication-factor 3
policy bind ownership --set 'owners=team-a-=a' --set 'members=somebody=a' --topics 'team-*'
try topic delete team-a-orders --dry-run
try topic delete team-a-orders --yes
topic delete fine --yes
