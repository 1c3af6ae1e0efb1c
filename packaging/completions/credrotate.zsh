#compdef credrotate
# zsh completion for credrotate(8); credrotate itself knows what there is.
local -a found
found=(${(f)"$(timeout 0.5 credrotate complete zsh "${(@)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)"})
if [[ $found[1] == :files ]]; then
    compset -P '--*='
    _files
else
    compadd -a found
fi
