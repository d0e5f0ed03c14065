# Versions of Kafka: what is there, what would be brought, and what is no version.
kafka list
expect error kafka-not-installed kafka verify 3.9.2
expect error kafka-not-installed kafka remove 3.9.2 --yes
expect error bad-kafka-version kafka install ../3.9.2
kafka install 3.9.2 --dry-run
kafka install 3.9.2 --from /no/such/kafka_2.13-3.9.2.tgz --dry-run
expect error bad-value kafka install --from kafka.tgz --sha512 abc
expect error missing-argument kafka install --sha512 abc
