# What a variable holds was read: a group goes on behind it.
cluster up demo
cluster use demo
topic create q --partitions 1
produce q <<END
1
2
END
let first = consume q -g w --count 1 | jq '.json'
let second = consume q -g w --count 1 | jq '.json'
expect jq -n '[$first, $second] == [1, 2]'
# Lines too.
topic create lines --partitions 1
produce lines <<END
a
b
END
let first = consume lines -g w --count 1 -f '%s\n' | !cat
let second = consume lines -g w --count 1 -f '%s\n' | !cat
expect jq -n '[$first, $second] == ["a", "b"]'
