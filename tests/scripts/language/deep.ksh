# Values are nested so deep and no deeper, and an error says so.
jq -n 'reduce range(100) as $i (1; [.])' | jq 'flatten'
try jq -n 'reduce range(101) as $i (1; [.])' | jq 'length'
try jq -n 'reduce range(200) as $i (1; [.])'
let deep = jq -n 'reduce range(110) as $i (1; [.])'
jq -n '"a variable that is not used is no hindrance"'
try jq -n '$deep | length'
let fits = jq -n 'reduce range(100) as $i (1; [.])'
jq -n '$fits | flatten'
