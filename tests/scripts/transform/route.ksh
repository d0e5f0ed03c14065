# A transform sends records to topics that its manifest allows; the rest goes where `produce` says.
cluster up demo --brokers 1
cluster use demo
for name in orders orders-de orders-fr rest { topic create $name --partitions 1 }
produce orders --key-separator : <<END
a:{"to":"de"}
b:{"to":"fr"}
c:{"to":"it"}
d:{"to":"de"}
END
consume orders
  | transform route --set field=to --set topics=de=orders-de,fr=orders-fr
  | transform mask-fields --set fields=to
  | produce rest --header via=kafsh --report
consume orders-de -f '%t/%o %k %s\n'
consume rest -f '%t/%o %k %s\n'
consume orders | transform route --set field=to --set topics=de=orders-de | produce rest --dry-run
# Nothing of a batch is sent where some of it cannot be.
try consume orders
  | transform route --set field=to --set topics=de=nowhere
  | produce rest
try consume orders
  | transform route --set field=to --set topics=de=__consumer_offsets
  | produce rest
consume rest -f '%o %k\n'
consume orders | plugin try route --set field=to --set topics=de=__consumer_offsets
