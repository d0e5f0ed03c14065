# A broker that died is found, and the safe mend is made.
cluster up demo --brokers 3
cluster use demo
broker kill 3 --yes | jq '.[].node'
try cluster doctor | jq '[.[] | .code] | unique'
cluster doctor --fix | jq 'length'
wait 10s cluster status | jq '.healthy'
