# Data is moved aside and brought back as one unit.
cluster up demo --brokers 3
cluster use demo
topic create t --partitions 1 --replication-factor 3
produce t <<END
kept
END
cluster stop | jq 'length'
cluster archive demo | jq 'keys'
cluster up demo
topic list
cluster stop | jq 'length'
cluster archive demo | jq 'length > 0'
