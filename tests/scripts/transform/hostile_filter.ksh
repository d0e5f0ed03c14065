# A filter that means harm ends by its named error, and the shell goes on.
try jq -n '{a: 1}' | transform filter --set 'keep=def f: 1 + f; f'
expect error transform-failed jq -n '{a: 1}' | transform filter --set 'keep=[range(1e9)] | length > 0'
try jq -n '{a: 1}' | transform filter --set 'keep=last(repeat(.))'
try jq -n '{a: 1}' | transform filter --set 'keep=input'
jq -n '{a: 1}, {a: 2}' | transform filter --set 'keep=.a > 1' | jq -c '.json'
