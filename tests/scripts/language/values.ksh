# Variables keep their types; texts go into words raw, anything else as compact JSON.
let n = 3
let text = "a b"
let list = jq -n '[1, 2, 3]'
jq -n '$n + 1'
jq -n '"\($text)!"'
for i in $list { jq -n '$i * 2' }
for w in one "two three" { jq -n '"<\($w)>"' }
if jq -n '$n > 2' { jq -n '"big"' } else { jq -n '"small"' }
if jq -n '$n > 5' { jq -n '"big"' } else if jq -n '$n == 3' { jq -n '"three"' }
!echo "$n|$text|$list"
