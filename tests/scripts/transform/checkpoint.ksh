# Reading goes on where it was, and what a transform remembers comes with it.
let file = !mktemp -u
cluster up demo --brokers 1
cluster use demo
topic create orders --partitions 1
topic create other --partitions 1
produce orders <<END
{"id": 1}
{"id": 2}
{"id": 1}
END
consume orders --checkpoint $file | transform dedupe --set field=id
produce orders <<END
{"id": 2}
{"id": 3}
END
consume orders --checkpoint $file | transform dedupe --set field=id
consume orders --checkpoint $file
expect error checkpoint-mismatch consume other --checkpoint $file
expect error bad-flags consume orders --checkpoint $file --group g
consume orders | transform dedupe --set field=id
!rm "$file"
