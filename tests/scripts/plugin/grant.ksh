# Grants are for what was asked for, and for the file that is installed.
plugin install plugins/house-rules-1.wasm --grant clock
try plugin grant house-rules
plugin grant house-rules 'cluster-read=orders-eu-*' --dry-run
plugin grant house-rules 'cluster-read=orders-eu-*'
expect error bad-grant plugin grant house-rules random
expect error bad-grant plugin grant house-rules 'cluster-read=*'
plugin revoke house-rules clock
plugin grant house-rules --yes
plugin revoke house-rules
expect error bad-grant plugin revoke house-rules clock
expect error plugin-not-found plugin grant nobody clock
expect error plugin-bundled plugin grant launch clock
