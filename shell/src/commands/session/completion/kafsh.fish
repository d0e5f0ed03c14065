# Completion of kafsh for fish: kafsh completion fish > ~/.config/fish/completions/kafsh.fish
function __kafsh_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] --complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c kafsh -f -a '(__kafsh_complete)'
