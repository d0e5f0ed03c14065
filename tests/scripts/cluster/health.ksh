# What is ill, since when, who leads and who was elected; null where nobody can tell.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 3 --replication-factor 3
topic create lone --partitions 3 --replication-factor 1 --config min.insync.replicas=1
cluster health -O json | jq 'del(.leaders)'
cluster health | jq -c '.leaders'
expect cluster health | jq '.controller.since_ms > 0 and .read_ms - .controller.since_ms < 3600000'
broker kill 3 --yes | jq '.[].node'
expect cluster health | jq '[.partitions[].since_ms] | length > 0 and all(. != null)'
wait 5s cluster health | jq '.offline.count == 1'
expect cluster health | jq '.under_replicated.since_ms == ([.partitions[].since_ms] | min)'
cluster health | jq -c '.partitions[] | [.topic, .partition, .problems, .missing]'
cluster health | jq -c '.offline, .under_min_isr.count, .under_replicated.count, .leader_skew_percent'
# The controller dies: another one is elected, and says so in its log.
broker kill 1 --yes | jq '.[].node'
wait 5s cluster health | jq '.controller.broker == 2'
cluster health | jq -c '.controller | [.broker, .epoch, (.changes | map([.broker, .epoch]))]'
cluster health | jq -c '.under_min_isr.count, (.partitions[0] | [.topic, .problems, .isr, .min_isr])'
# Nobody is left to ask.
cluster stop demo --force | jq length
cluster health | jq -c '[.state, .controller, .offline, .leaders, .partitions, .topics]'
# Of a cluster that is not ours, what its brokers and its ZooKeeper tell.
cluster start demo | jq length
cluster attach other --bootstrap 127.0.0.1:9091 | jq '.access'
cluster health other | jq -c '[.state, .controller.broker, .controller.since_ms, .controller.changes]'
cluster attach known --bootstrap 127.0.0.1:9091 --zookeeper 127.0.0.1:2181 | jq '.access'
expect cluster health known | jq '.controller.since_ms > 0 and .controller.epoch > 0'
broker kill 3 --yes | jq '.[].node'
wait 5s cluster health other | jq '.offline.count == 1'
cluster health other | jq -c '.partitions[0] | [.topic, .problems, .missing, .since_ms]'
