# Argument: the block's name. In $sets: input of ipset; in $chains4 and $chains6: of iptables-restore.
# The chains take effect with the jumps, which come last, and first of all that stands in the built-in chains.
name=$1
printf %s "$sets" | ipset -exist restore || exit
jump() {
    while [ $# -gt 0 ]; do
        first=$("$command" -w -t "$1" -S "$2" | grep -m1 '^-A')
        if [ "$first" != "-A $2 -j ${name}_$3" ]; then
            while "$command" -w -t "$1" -D "$2" -j "${name}_$3"; do :; done 2>/dev/null
            "$command" -w -t "$1" -I "$2" 1 -j "${name}_$3" || exit
        fi
        shift 3
    done
}
for command in iptables ip6tables; do
    chains=$chains4
    [ $command = iptables ] || chains=$chains6
    [ -n "$chains" ] || continue
    printf %s "$chains" | "$command-restore" -w --noflush || exit
    jump raw PREROUTING p raw OUTPUT o mangle FORWARD f mangle INPUT i </dev/null
done
