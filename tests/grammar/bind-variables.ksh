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
