# A record that fails never passes: it stops the pipeline, is left out, or becomes a dead letter.
cluster up demo --brokers 1
cluster use demo
topic create orders --partitions 1
topic create clean --partitions 1
topic create dead --partitions 1
produce orders <<END
{"id": 1, "email": "a@b.c", "cards": [{"number": 1}, {"number": 2}]}
{"id":2,   "email":"d@e.f"}
oops
{"id": 3}
END
try consume orders | transform mask-fields --set fields=email | produce clean
consume clean
consume orders | transform mask-fields --set fields=email,cards[].number --on-error skip
consume orders
  | transform mask-fields --set fields=email --dead-letter dead
  | produce clean
consume dead | jq '{value, headers: [.headers[] | select(.name != "kafsh.error.version") | "\(.name)=\(.value)"]}'
expect error transform-failed consume orders | transform mask-fields --set fields=email
expect error bad-setting consume orders | transform mask-fields --set feilds=email
expect error topic-not-found consume orders | transform mask-fields --set fields=email --dead-letter no
expect error bad-flags consume orders | transform mask-fields --set fields=email --on-error dead-letter
expect error bad-flags consume orders | transform mask-fields --set fields=email --on-error skip --dead-letter dead
try consume orders | transform mask-feilds --set fields=email
try consume orders | transform mask-fields --set fields=email --dead-letter orders
