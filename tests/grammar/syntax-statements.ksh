# Statements: keywords, names, blocks.
let brokers=3
#   ^^^^^^^^^ syntax/malformed: blanks are missing around `=`
let $brokers = 3
#   ^^^^^^^^ syntax/malformed: without the `$`
let 3brokers = 3
#   ^^^^^^^^ syntax/malformed: a name is a letter
let brokers 3
#           ^ syntax/malformed: `=` is missing
for x in [1,2] { topic list }
#        ^^^^^ syntax/malformed: goes through words, not a list
for t $names { topic describe $t }
#     ^^^^^^ syntax/malformed: `in` is missing
for t in { topic list }
#        ^ syntax/malformed: the words to go through
for t in topic list | jq '.[]' { topic describe $t }
#                   ^ syntax/malformed: runs no pipeline
if topic list {topic delete x}
#                             ^ syntax/missing-block: `if` needs a block
if { topic list }
#  ^ syntax/malformed: needs a command
else { topic list }
#^^^^ syntax/misplaced-keyword: no `if` stands before
wait cluster status
#    ^^^^^^^ syntax/malformed: needs a duration
expect error
#      ^^^^^ syntax/malformed: the code is missing
set output json yaml
#               ^^^^ syntax/malformed: a name and one value
source $file
#      ^^^^^ syntax/malformed: holds no variables
param brokers = 3 4
#                 ^ syntax/malformed: one default
{ topic list }
#^ syntax/unexpected: a block cannot stand here
topic list { jq . && head }
#          ^ syntax/unexpected: a block cannot stand here
#                 ^^ syntax/shell-operator: `&&`
if topic list { topic list } topic list
#                            ^^^^^ syntax/missing-separator: is missing before this
for t in a b { topic list } | jq .
#                           ^ syntax/unexpected: no output to pipe
topic list }
#          ^ syntax/surplus-brace: closes no block
# None of these is wrong.
'let' x=3; \for; topic set test if else { }
#                                       ^ syntax/unexpected: a block cannot stand here
if topic list
{ topic list }
else if topic list { } else { }
#---
on-exit {
#       ^ syntax/unclosed-block: never closed
if topic list { topic describe x }
#---
if topic list { !rm x }
#             ^ syntax/unclosed-block: never closed
#---
if topic list
#            ^ syntax/missing-block: `if` needs a block
