#compdef kafsh
# Completion of kafsh for zsh: source <(kafsh completion zsh), after compinit
_kafsh() {
    local line text about
    local -a texts shown open opened
    while IFS=$'\t' read -r text about; do
        if [[ $text == *[=:/] ]]; then
            open+=("$text")
            opened+=("$text${about:+  -- $about}")
        else
            texts+=("$text")
            shown+=("$text${about:+  -- $about}")
        fi
    done < <("${words[1]}" --complete -- "${(@Q)words[2,CURRENT]}" 2> /dev/null)
    compadd -l -d shown -a texts
    compadd -l -S '' -d opened -a open
}
if [[ $funcstack[1] == _kafsh ]]; then
    _kafsh "$@"
else
    compdef _kafsh kafsh
fi
