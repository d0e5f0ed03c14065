# Completion of kafsh for bash: source <(kafsh completion bash)
_kafsh() {
    local IFS line current lead reply
    line="${COMP_LINE:0:COMP_POINT}"
    # bash breaks words at `=`, `:` and `@`, which are part of kafsh's: split at blanks alone.
    local -a words
    IFS=$' \t' read -r -a words <<< "$line"
    if [[ $line == *[$' \t'] ]]; then
        words+=("")
    fi
    current="${words[-1]}"
    # What bash has already taken for words of their own is not repeated.
    lead="${current%"${COMP_WORDS[COMP_CWORD]}"}"
    if [[ ${COMP_WORDS[COMP_CWORD]} == [=:@] ]]; then
        lead="$current"
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r reply _; do
        COMPREPLY+=("${reply#"$lead"}")
    done < <("${words[0]}" --complete -- "${words[@]:1}" 2> /dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:/] ]]; then
        compopt -o nospace
    fi
}
complete -F _kafsh kafsh
