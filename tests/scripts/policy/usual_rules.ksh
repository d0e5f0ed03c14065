# The eight rules that teams begin with, each with a topic that passes and one that does not.
cluster up demo --brokers 3
cluster use demo
# 1: names in kebab-case.
policy bind naming --set 'pattern=[a-z0-9]+(-[a-z0-9]+)*' --set 'says=kebab-case'
topic create orders-eu --partitions 3 --replication-factor 3
try topic create Orders_EU --partitions 3 --replication-factor 3
policy unbind naming
# 2: at least three replicas, and a topic has to say how many.
policy bind replication --set min=3 --set explicit=true
topic create three --partitions 3 --replication-factor 3
try topic create one --partitions 3 --replication-factor 1
try topic create none --partitions 3
# 3: at least two in sync; required, or filled in.
policy bind replication --set min-isr=2 --set require-isr=true
topic create safe --partitions 3 --replication-factor 3 --config min.insync.replicas=2
try topic create unsafe --partitions 3 --replication-factor 3 --config min.insync.replicas=1
try topic create silent --partitions 3 --replication-factor 3
policy bind replication --set min-isr=2 --set fill=true
topic create silent --partitions 3 --replication-factor 3
policy unbind replication
# 4: 3 to 50 partitions.
policy bind partitions --set min=3 --set max=50
topic create right --partitions 3 --replication-factor 3
try topic create narrow --partitions 2 --replication-factor 3
try topic create wide --partitions 51 --replication-factor 3
policy unbind partitions
# 5: every topic has an owner. Topics of Kafka have no labels: the beginning of the name says whose.
policy bind ownership --set owners=sales-=sales --set owners=users-=accounts
topic create sales-eu --partitions 3 --replication-factor 3
try topic create weather --partitions 3 --replication-factor 3
policy unbind ownership
# 6: nobody deletes a topic.
policy bind ownership --set deletes=nobody --set unowned=allow
topic create born --partitions 3 --replication-factor 3
try topic delete right --yes
policy unbind ownership
# 7: deletions are left out, and the rest goes on.
policy bind ownership --name kept --set deletes=nobody --set unowned=allow --topics 'sales-*'
try topic delete sales-eu born --yes
topic list
# 8: all of it together.
policy bind naming --set 'pattern=[a-z0-9]+(-[a-z0-9]+)*' --set 'says=kebab-case'
policy bind replication --set min=3 --set explicit=true --set min-isr=2 --set fill=true
policy bind partitions --set min=3 --set max=50
policy bind ownership --set owners=sales-=sales --set deletes=nobody
topic create sales-us --partitions 6 --replication-factor 3
try topic create Weather --partitions 1 --replication-factor 1
try topic delete sales-us --yes
