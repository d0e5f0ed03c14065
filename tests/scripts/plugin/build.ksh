# A crate made a component; what the compiler says is shown as it says it.
plugin new limits --kind policy | head 0
plugin build limits -O json | jq '{file, kind, name, version, capabilities}'
plugin build limits -O json | jq '.digest | startswith("sha256:")'
try plugin build work
!echo 'compile_error!("wrong on purpose");' >> limits/src/lib.rs
try plugin build limits
