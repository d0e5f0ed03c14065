# Settings of topics and brokers, and where they differ.
cluster up demo --brokers 1
cluster use demo
topic create a b --partitions 1
config set topic/a retention.ms=1h
config get topic/a retention.ms
config diff topic/a topic/b
config unset topic/a retention.ms
