# A topic of one replica is no illness, and a cluster without brokers is one.
cluster up demo --brokers 3
topic create one -p 1 -r 1
topic create all -p 3 -r 3
cluster status | jq '[.healthy, .partitions.under_min_isr]'
broker kill 1 --yes
broker kill 2 3 --yes
try cluster doctor | jq '[.[] | select(.severity == "problem") | .code]'
