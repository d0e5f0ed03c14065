# Names of commands, and what was probably meant.
topic lst
#^^^^^^^^^ bind/unknown-verb: `topic` has no verb `lst`
topik list
#^^^^^ bind/unknown-command: there is no command `topik`
create topic orders
#^^^^^^^^^^^^ bind/not-canonical: in a file the noun comes first
topics list
#^^^^^^^^^^^ bind/not-canonical: in a file the noun comes first
cluster
#^^^^^^^ bind/verb-missing: `cluster` needs a verb
where '.a'
#^^^^^ bind/not-a-head: `where` needs something before it
topic list | cluster list
#            ^^^^^^^ bind/not-a-stage: `cluster list` takes nothing from a pipe
topic list | grep orders
#            ^^^^ bind/unknown-command: there is no command `grep`
expect error topic-exits topic create orders
#            ^^^^^^^^^^^ bind/unknown-code: no error has the code `topic-exits`
x = 5
#^ bind/unknown-command: there is no command `x`
wiat 3s
#^^^^ bind/unknown-command: there is no command `wiat`
