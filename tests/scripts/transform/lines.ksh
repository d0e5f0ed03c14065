# Lines and values are records without a key; transforms follow one another.
jq -n '{name: "Ada", email: "a@b.c"}, {name: "Bo"}' | transform mask-fields --set fields=email
jq -n '["{\"a\":1}", "no", "{\"a\":2}"]'
  | transform mask-fields --set fields=a --on-error skip -O jsonl
!printf '{"k":1}\n{"k":2}\n{"k":1}\n'
  | transform dedupe --set field=k
  | transform add-header --set headers=source=lines
  | jq '{value, headers, topic}'
