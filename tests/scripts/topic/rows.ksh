# Rows from a pipe; what is wrong with one is said of that one.
cluster up demo --brokers 3
cluster use demo
read scripts/examples/topics.csv | topic create
jq -n '[{"name": "more", "partitions": 1}, {"name": "orders", "partitions": 1}]' | topic create
