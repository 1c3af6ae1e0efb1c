# bash completion for credrotate(8); credrotate itself knows what there is.
_credrotate() {
    COMPREPLY=()
    mapfile -t COMPREPLY < <(
        timeout 0.5 credrotate complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null
    )
    if [[ ${COMPREPLY[0]} == :files ]]; then
        COMPREPLY=()
        compopt -o default
    fi
}

complete -F _credrotate credrotate
