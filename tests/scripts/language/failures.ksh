# `try` goes on, `expect error` wants a code, and the first failure ends the script with its status.
try topic describe nowhere -B 127.0.0.1:1
expect error unavailable topic list -B 127.0.0.1:1
on-exit { jq -n '"the last word"' }
expect jq -n '1 + 1 == 3'
jq -n '"never printed"'
