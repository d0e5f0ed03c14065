# `exit` ends a script with its status; what was set for the end still runs.
on-exit { jq -n '"the end"' }
for n in 1 2 3 {
    if jq -n '$n == 2' { exit 7 }
    jq -n '$n'
}
jq -n '"never"'
