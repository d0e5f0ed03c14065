# One broker, looked at from every side; the ones that are not there are named.
cluster up demo --brokers 2
cluster use demo
topic create t --partitions 2 --replication-factor 2
broker list | jq '[.[] | {broker, state}]'
broker describe 2 | jq 'keys'
broker describe 2 | jq '{broker, state}'
broker config 2 | jq 'map(.key) | contains(["broker.id"])'
broker logs 1 | !sed 's/^[^]]*] //; s/ID = .*/ID/'
expect error broker-not-found broker describe 7
try broker logs 7
broker stop 2 --force | jq 'length'
broker describe 2 | jq '{broker, state}'
