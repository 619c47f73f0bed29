# Argument: the block's name. In $sets: input of ipset, if any; in $chains4 and $chains6: of iptables-restore.
# The chains take effect with the jumps, which come last, and first of all that stands in the built-in chains.
# A chain of the block's that is not to be any more goes.
name=$1
[ -z "$sets" ] || printf %s "$sets" | ipset -exist restore || exit
place() {
    case $chains in
        *":${name}_$3 "*)
            first=$("$command" -w -t "$1" -S "$2" | grep -m1 '^-A')
            [ "$first" != "-A $2 -j ${name}_$3" ] || return 0
            while "$command" -w -t "$1" -D "$2" -j "${name}_$3" 2>/dev/null; do :; done
            "$command" -w -t "$1" -I "$2" 1 -j "${name}_$3" || exit
            ;;
        *)
            "$command-save" | grep -q "^:${name}_$3 " || return 0
            while "$command" -w -t "$1" -D "$2" -j "${name}_$3" 2>/dev/null; do :; done
            "$command" -w -t "$1" -F "${name}_$3"
            "$command" -w -t "$1" -X "${name}_$3"
            ;;
    esac </dev/null
}
for command in iptables ip6tables; do
    chains=$chains4
    [ $command = iptables ] || chains=$chains6
    [ -n "$chains" ] || continue
    printf %s "$chains" | "$command-restore" -w --noflush || exit
    place nat PREROUTING d
    place raw PREROUTING p
    place raw OUTPUT o
    place mangle FORWARD f
    place mangle INPUT i
    place mangle OUTPUT s
done
# Sets that no chain of the block's asks any more: a card was dropped before, and is not any more.
for set in c4 c6; do
    case $sets in *" ${name}_$set "*) ;; *) ipset -q destroy "${name}_$set" 2>/dev/null ;; esac
done </dev/null
true
