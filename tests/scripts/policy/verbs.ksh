# A policy is bound, shown, weakened, looked at and taken away.
policy list
policy bind naming --set 'pattern=[a-z-]+' --topics 'team-*' --dry-run
policy list
policy bind naming --set 'pattern=[a-z-]+' --topics 'team-*' --topics '!team-x'
policy bind replication --name three --set min=3 --mode warn --clusters 'prod*'
policy list
policy explain naming
policy mode three off
policy unbind naming --dry-run
policy unbind naming
policy list
expect error policy-not-bound policy unbind naming
expect error bad-setting policy bind naming --set patern=x
expect error bad-setting policy bind naming
# Settings that only the policy itself can judge are judged when it is bound.
try policy bind naming --set 'pattern=['
try policy bind partitions --set min=5 --set max=4 --mode off
try policy bind ownership --set owners=nobody
try policy bind config-keys --set default=retention.ms --dry-run
# That it would deny the topic it is tried with is no fault of its settings.
policy bind naming --set 'pattern=only-this' --dry-run
expect error plugin-not-found policy bind no-such-policy
