# Grants are for what was asked for, and for the file that is installed.
plugin install plugins/naming-1.wasm --grant clock
try plugin grant naming
plugin grant naming 'cluster-read=orders-eu-*' --dry-run
plugin grant naming 'cluster-read=orders-eu-*'
expect error bad-grant plugin grant naming random
expect error bad-grant plugin grant naming 'cluster-read=*'
plugin revoke naming clock
plugin grant naming --yes
plugin revoke naming
expect error bad-grant plugin revoke naming clock
expect error plugin-not-found plugin grant nobody clock
expect error plugin-bundled plugin grant launch clock
