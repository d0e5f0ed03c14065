# Words: quotes, variables, what other shells would expand.
topic create $(hostname) --partitions 3
#            ^^^^^^^^^^^ syntax/substitution: `$( )` does not run a command
produce test "at `date`"
#                ^^^^^^ syntax/substitution: a back-tick does not run a command
topic describe $1 $? "$@"
#              ^^ syntax/special-variable: there is no `$1`
#                 ^^ syntax/special-variable: there is no `$?`
#                     ^^ syntax/special-variable: there is no `$@`
topic describe ${name:-orders} "${}"
#              ^^^^^^^^^^^^^^^ syntax/bad-variable: holds one name
#                               ^^^ syntax/bad-variable: holds one name
produce test -K $'\t'
#               ^ syntax/dollar-quote: before a quote
topic list 漢字 $(x)
#               ^^^^ syntax/substitution: `$( )`
topic describe orders --all
#                    ^ syntax/odd-blank: U+00A0 looks like a blank
# None of these is wrong.
jq '$(x) `y` $1' \$1 "\$(x) \`y\`" "^a$" {a,b} a} $x.y '|' "it's"
#---
topic list
topic create 'orders
#            ^ syntax/unclosed-quote: the quote `'` is never closed
topic create payments
#---
topic create "orders $x
#            ^ syntax/unclosed-quote: the quote `"` is never closed
#---
topic create ${name
#            ^^^^^^ syntax/bad-variable: never closed
