# A script gives its consent with --yes.
cluster up demo --brokers 1
cluster destroy demo
