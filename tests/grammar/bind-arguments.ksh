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
