# Typos in configuration are found with what was meant.
cluster up demo --brokers 1
cluster use demo
try topic create t --config retention.mss=1
try topic create t --config cleanup.policy=compakt
topic describe nowhere
