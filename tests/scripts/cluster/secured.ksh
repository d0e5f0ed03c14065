# Listeners that all want credentials: the cluster is made and watched, and what is not known is said.
!printf 'schema = 1\nname = "demo"\nkafka = "3.9.2"\n[zookeeper]\nbind = "127.0.0.1"\nport = 12181\n[properties]\n"listener.name.secure.plain.sasl.jaas.config" = "PlainLoginModule required;"\n[[brokers]]\nid = 1\nlisteners = [ { name = "SECURE", protocol = "SASL_PLAINTEXT", bind = "127.0.0.1", port = 19092, advertised_host = "localhost", advertised_port = 19092, inter_broker = true } ]\n' > secured.toml
cluster up --spec secured.toml
cluster status | jq -r '.healthy, .reasons[], .nodes[].ready'
expect error unsupported-security topic list
expect error unsupported-security consume t --count 1
