# Pipelines: stages, redirects, clusters.
| jq .
#^ syntax/empty-stage: nothing stands before this `|`
topic list | | jq .
#          ^ syntax/empty-stage: no stage follows this `|`
topic list || cluster up demo
#          ^^ syntax/shell-operator: `||` does not join commands
topic create a && topic create b
#              ^^ syntax/shell-operator: `&&` does not join commands
consume test --follow &
#                     ^ syntax/shell-operator: in the background
topic list > names.txt | jq .
#                      ^ syntax/redirect: cannot go on
topic list > names.txt --all
#                      ^^^^^ syntax/redirect: ends the pipeline
topic list > a > b
#              ^ syntax/redirect: output goes to one file
topic list >
#          ^ syntax/redirect: the file is missing
topic list 2> errors.txt
#          ^^ syntax/redirect-descriptor: no descriptor
topic list >&2
#          ^^^ syntax/redirect-descriptor: no descriptor
produce test < lines.txt
#            ^ syntax/input-redirect: `<` does not read a file
@ topic list
#^ syntax/cluster: the name of a cluster is missing
@prod @staging topic list
#     ^^^^^^^^ syntax/cluster: one cluster
topic list | !
#            ^ syntax/empty-stage: no command follows this `!`
# None of these is wrong.
topic list | !sort || true && echo $(date) `date` > "x
topic list
  | jq . # why
  | head
@prod topic list '&&' \& 2 > names.txt
#---
topic list

| jq .
#^ syntax/empty-stage: nothing stands before this `|`
#---
topic list |
#          ^ syntax/trailing-pipe: the text ends after `|`
