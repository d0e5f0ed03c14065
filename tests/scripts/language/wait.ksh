# `wait` runs out with status 4 and says the last reason.
wait 1s jq -n 'false'
