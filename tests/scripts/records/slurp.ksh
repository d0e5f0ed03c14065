# Several become one: a list.
cluster up demo
topic create t -p 1 -r 1
produce t <<END
a
b
END
consume t | jq -s 'map(.value)'
let offsets = consume t | jq -s 'map(.offset)'
jq -n '$offsets | add'
jq -n '1, 2' | jq -s 'add'
jq -n '[1, 2]' | jq -s -c .
