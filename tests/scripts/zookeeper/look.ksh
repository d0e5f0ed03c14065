# What ZooKeeper holds.
cluster up demo --brokers 2
cluster use demo
zookeeper ls /brokers/ids
zookeeper get /controller | jq '.data'
zookeeper status | jq '.mode'
expect error znode-not-found zookeeper get /nowhere
zookeeper clean --yes
