# Variables and filters.
param limit = 3
topic describe $topik
#              ^^^^^^ bind/unset-variable: `$topik` is not set
let topik = orders
#           ^^^^^^ bind/bare-value: `orders` is no command
topic list | jq '.[] | select(.x > $limt)'
#               ^^^^^^^^^^^^^^^^^^^^^^^^^^ bind/bad-filter: undefined variable
topic list | jq '.[] |'
#               ^^^^^^^ bind/bad-filter: the filter cannot be used
topic list | where '.partitions > $limit'
set colour blue
#   ^^^^^^ bind/unknown-setting: there is no setting `colour`
source nowhere.ksh
#      ^^^^^^^^^^^ bind/source-unreadable: cannot be read
for i in 1 2 3 {
  produce $j
#         ^^ bind/unset-variable: `$j` is not set
}
expect topic list | jq length > 3
#                             ^^^ bind/taken-output: `expect` takes the output, so nothing is left
let names = topic list >> names.txt
#                      ^^^^^^^^^^^^ bind/taken-output: `let` takes the output, so nothing is left
if topic list | jq length > 3 {
#                         ^^^ bind/taken-output: `if` takes the output, so nothing is left
}
wait 1s topic list | jq length > 3
#                              ^^^ bind/taken-output: `wait` takes the output, so nothing is left
