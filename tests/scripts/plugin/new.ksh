# A folder with a plugin that works; nothing is overwritten, nothing half written.
plugin new limits --kind policy --dry-run
!test ! -e limits
plugin new limits --kind policy
plugin new capitals --kind transform --path work/capitals | jq 'length'
plugin new birth --kind step | jq 'map(.file)'
try plugin new limits --kind policy
try plugin new limits
try plugin new Limits --kind policy
try plugin new naming --kind policy
try plugin new other --kind policy --sdk work
