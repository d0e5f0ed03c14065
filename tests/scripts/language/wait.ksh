# `wait` runs out with status 4 and says the last reason.
wait 300ms jq -n 'false'
