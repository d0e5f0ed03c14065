# A broker whose process is known not to run counts as down at once, whatever metadata says.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 3 --replication-factor 3
broker pause 2 | jq '.[].node'
expect topic list | jq 'all(.health == "healthy") | not'
topic describe t | jq '[.partitions[].down] | unique'
broker resume 2 | jq '.[].node'
broker kill 3 --yes | jq '.[].node'
expect topic list | jq 'all(.health == "healthy") | not'
broker start 3 --no-wait | jq '.[].node'
broker restart 3 | jq '.[].node'
expect topic list | jq 'all(.health == "healthy")'
