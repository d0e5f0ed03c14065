# Figures differ from machine to machine: that they are there, and of what.
plugin bench naming --set pattern='[a-z]+' --records 5 | jq 'map({what, calls, counted: (.fuel > 0)})'
plugin bench preflight --records 2 | jq 'map({what, calls})'
plugin bench flatten --records 20 --value-size 100,200 --batch 1,10 | jq 'map({value_bytes, batch, records, failed})'
try plugin bench flatten --batch 0
try plugin bench flatten --batch 100000 --value-size 1000000
# Values as somebody has them.
jq -n '{a: {b: 1}}, {c: "two"}' -O jsonl > values.jsonl
plugin bench flatten --records 4 --batch 3 --input values.jsonl | jq 'map({value_bytes, batch, records})'
try plugin bench flatten --input values.jsonl --value-size 5
try plugin bench preflight --input values.jsonl
