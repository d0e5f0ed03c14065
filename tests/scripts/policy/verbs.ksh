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
expect error plugin-not-found policy bind no-such-policy
