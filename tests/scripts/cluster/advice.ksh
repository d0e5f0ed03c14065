# What is advised can be typed as it stands: with the flags given, and with variables filled in.
let n = 1
let name = "demo"
cluster up $name --brokers $n --base-port 9191 --zookeeper-port 2281 --preset strict
try cluster up $name --config num.partitions=3 --base-port auto
try cluster up $name --brokers 1 --spec tests/scripts/cluster/advice.ksh
try cluster up other --kafka 9.9.9 --brokers $n
try cluster up other --data-dir /proc/x --brokers $n --preset classic
try cluster destroy $name
cluster plan $name | jq '[.ports[] | "\(.node) \(.address)"]'
cluster plan other --base-port 9291 | jq '[.ports[] | .port]'
cluster stop $name | jq 'length'
try @demo topic list
try @demo broker list
cluster doctor $name | jq '[.[] | {code, next: .next[0]}]'
cluster restart $name | jq 'length'
cluster archive $name --list
