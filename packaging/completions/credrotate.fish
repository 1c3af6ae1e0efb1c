# fish completion for credrotate(8); credrotate itself knows what there is.
function __credrotate_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    timeout 0.5 credrotate complete fish $words[2..-1] "$typed" 2> /dev/null
end

complete -c credrotate -f -a '(__credrotate_complete | string match -v :files)'
complete -c credrotate -n 'test "$(__credrotate_complete)" = :files' -F
