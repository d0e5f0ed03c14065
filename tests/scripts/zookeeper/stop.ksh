# ZooKeeper last and first: it is not taken from brokers that need it unless that is said.
cluster up demo --brokers 1
cluster use demo
expect error brokers-need-zookeeper zookeeper stop
cluster stop | jq 'length'
zookeeper start | jq '[.[].action]'
zookeeper status | jq '.mode'
zookeeper start | jq '[.[].action]'
zookeeper stop | jq '[.[].action]'
try zookeeper status
cluster start | jq '[.[].action]'
