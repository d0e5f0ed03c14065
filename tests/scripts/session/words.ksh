# What there is, and which versions these are; what is no word is named.
version | jq 'keys'
help zookeeper get
help expect
help topic frobnicate | !head -1
# A name that was given to a cluster is forgotten, and the cluster goes on.
cluster up demo --brokers 1 | jq '.bootstrap'
cluster attach other --bootstrap 127.0.0.1:9091 | jq '.access'
cluster detach other
expect error cluster-not-found cluster detach other
cluster list | jq '[.[].name]'
