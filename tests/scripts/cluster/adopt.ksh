# Servers that do not run are adopted from their files; here none does.
!printf 'clientPort=12181\ndataDir=/srv/theirs/zookeeper\nmaxClientCnxns=0\n' > zookeeper.properties
!for i in 1 2; do printf "broker.id=$i\nlisteners=PLAINTEXT://127.0.0.1:1909$i\nlog.dirs=/srv/theirs/broker$i\nzookeeper.connect=localhost:12181/kafka\nlog.flush.interval.messages=2\nacme.key=a b\n" > server$i.properties; done
expect error zookeeper-file-missing cluster adopt old server1.properties server2.properties
expect error file-not-found cluster adopt old server9.properties
cluster adopt old server1.properties server2.properties --zookeeper zookeeper.properties | jq -c 'del(.nodes[].file)'
try cluster adopt old server1.properties --zookeeper zookeeper.properties
try cluster adopt more server1.properties --zookeeper zookeeper.properties
# A preset would change what the files say.
try cluster up old --preset strict
cluster export old | jq -r 'split("\n") | map(select(test("adopted|flush|acme|steps"))) | join("\n")'
# What is none of such a cluster.
!printf 'process.roles=broker,controller\nnode.id=1\n' > kraft.properties
!printf 'a=b\n' > other.properties
!printf 'zookeeper.connect=h:1\nbroker.id=1\nlisteners=SASL_SSL://:9092\n' > secure.properties
!printf 'zookeeper.connect=h:1\nbroker.id=1\n' > one.properties
!printf 'zookeeper.connect=h:2\nbroker.id=2\n' > two.properties
expect error no-zookeeper-mode cluster adopt x kraft.properties
expect error not-server-properties cluster adopt x other.properties
expect error not-server-properties cluster adopt x zookeeper.properties
expect error not-server-properties cluster adopt x one.properties --zookeeper other.properties
expect error unsupported-security cluster adopt x secure.properties
expect error other-zookeeper cluster adopt x one.properties two.properties
expect error duplicate-broker-id cluster adopt x one.properties one.properties
# The data is not the cluster's to delete.
cluster destroy old --yes | jq -c '[.name, .data]'
