# What a plugin logged.
plugin install plugins/quiet.wasm
plugin logs quiet
plugin logs launch -n 5
expect error plugin-not-found plugin logs nobody
