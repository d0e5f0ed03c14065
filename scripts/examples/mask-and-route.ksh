#!/usr/bin/env kafsh
# Records leave with fields masked, each to the topic that a field of it stands for; what cannot be
# read is kept aside. Run again it goes on where it was: the file says where that is.
#
#   kafsh -C demo run scripts/examples/mask-and-route.ksh --checkpoint /var/tmp/people.checkpoint

param checkpoint = "people.checkpoint"

for name in people people-de people-other people-unread {
  topic create $name --partitions 1 --if-not-exists
}
produce people <<END
{"name": "Ada", "email": "ada@example.org", "country": "de"}
{"name": "Bo", "email": "bo@example.org", "country": "fr"}
this is no JSON
END

consume people --checkpoint $checkpoint
  | transform mask-fields --set fields=email --dead-letter people-unread
  | transform route --set field=country --set topics=de=people-de
  | produce people-other

expect consume people-de --count 1 --timeout 10s | jq '.json.email == "***"'
