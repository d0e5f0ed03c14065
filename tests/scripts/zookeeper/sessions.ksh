# Which brokers have a session, and whose data is of this cluster.
cluster up demo --brokers 3
cluster use demo
zookeeper status | jq -c '.brokers[] | [.broker, .expected, .registered, .state, .address != null]'
zookeeper status | jq -c '.cluster_ids[] | [.broker, .agrees]'
expect zookeeper status | jq '.cluster_id as $id | .cluster_ids | all(.cluster_id == $id)'
expect zookeeper status | jq '[.sessions[].broker] == [1, 2, 3] and all(.sessions[]; .session | startswith("0x"))'
# One that was stopped in order has no session; of one that was killed it is there until it times out.
broker stop 3 | jq '.[].node'
broker kill 2 --yes | jq '.[].node'
wait 10s zookeeper status | jq '.brokers[1].state == "no session"'
zookeeper status | jq -c '.brokers[] | [.broker, .state]'
# What a znode is is told with its name.
zookeeper ls /brokers/ids
zookeeper ls /brokers --long | jq -c '.[] | [.name, .children, .ephemeral]'
zookeeper ls /brokers/ids --long | jq -c '.[0] | [.name, .children, .ephemeral]'
zookeeper get /brokers/ids/1 | jq -c '[.base64, .children, (.ephemeral_owner | startswith("0x"))]'
