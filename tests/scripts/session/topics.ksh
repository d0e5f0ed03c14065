# Help on what is no command: signs, options, and a noun with its verbs.
help '>'
help '<<'
help '@'
help '!'
help '|'
help options
help run
help param
topic --help
help exit
