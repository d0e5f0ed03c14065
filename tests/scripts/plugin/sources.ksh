# A file, a folder with exactly one, a crate that was built; each thing that is none of them.
plugin install one
plugin install crate --name built
try plugin install two
try plugin install empty
try plugin install plugins/nothing.wasm
try plugin install ftp://127.0.0.1/x.wasm
try plugin install http://127.0.0.1/x.wasm
try plugin install http://192.0.2.1/x.wasm --trust-on-first-use
try plugin install http://kim:secret@127.0.0.1/x.wasm --trust-on-first-use
try plugin install /dev/zero
expect error plugin-digest-changed plugin install one --digest sha256:0000000000000000000000000000000000000000000000000000000000000000
expect error bad-value plugin install one --digest 1234
plugin list --installed -O name
