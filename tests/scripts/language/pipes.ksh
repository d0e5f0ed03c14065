# Stages, other programs, files.
jq -n '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]' | where '.a > 1'
jq -n '[range(5)]' | head 2
jq -n '"b", "a"' | !sort
!printf 'one\ntwo\n'
  | jq 'length'
!exit 3
