# A filter that eats its stack ends alone; the shell goes on.
try jq -n 'def f: 1 + f; f'
jq -n '"still here"'
# More outputs than fit anywhere.
try jq -n 'repeat(1)'
