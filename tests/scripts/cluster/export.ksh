# A spec is printed as the file that makes the same cluster.
let file = !mktemp -u
cluster create demo --brokers 2 --base-port 9091 --config num.partitions=3
cluster export demo
cluster up demo
cluster export demo > $file
cluster up --spec $file
cluster plan demo | jq '[.steps[].actions | length] | add'
expect error cluster-not-found cluster export other
cluster restart demo | jq 'type'
cluster logs demo | !sed 's/\[.*] //; s/ID = .*/ID/'
cluster doctor demo
!rm "$file"
