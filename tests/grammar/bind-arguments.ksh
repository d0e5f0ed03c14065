# Arguments and flags, checked before anything runs.
topic create orders --partitons 3
#                   ^^^^^^^^^^^ bind/unknown-flag: `topic create` has no flag `--partitons`
topic create orders --partitions
#                   ^^^^^^^^^^^^ bind/flag-value: `--partitions` needs a value
topic create orders --partitions ten
#                                ^^^ bind/bad-value: `ten` is no whole number
topic create orders -p 3 --partitions 4
#                        ^^^^^^^^^^^^ bind/flag-twice: `--partitions` is given twice
topic create "or ders"
#            ^^^^^^^^^ bind/bad-value: is no name for a topic
cluster up demo --base-port 70000
#                           ^^^^^ bind/bad-value: `70000` is no port
topic create orders payments --yes
#                            ^^^^^ bind/unknown-flag: `topic create` has no flag `--yes`
consume orders --from yesterday
#                     ^^^^^^^^^ bind/bad-value: is no position in a log
broker stop two
#           ^^^ bind/bad-value: `two`
topic list | where .partitions > 5
#                              ^^^ bind/compared-redirect: this would write to a file named `5`
topic list | jq .partitions >=5
#                           ^^^ bind/compared-redirect: this would write to a file named `=5`
topic list | where .name == orders
#                        ^^ bind/extra-argument: `where` takes no further argument here
wait 7days
#    ^^^^^ bind/bad-value: `7days` is no duration (did you mean `7d`?)
exit 256
#    ^^^ bind/bad-value: `256` is no whole number from 0 to 255
