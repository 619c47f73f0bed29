# Argument: the block's name. In $sets: input of ipset; in $chains4 and $chains6: of iptables-restore.
# The chains take effect with the jumps, which come last, and first of all that stands in the built-in chains.
# Those into nat, by which web traffic goes to a spare, go again where nothing is to go there.
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
    case $chains in
        *"${name}_d "*) jump nat PREROUTING d </dev/null ;;
        *)
            if "$command-save" | grep -q "^:${name}_d "; then
                while "$command" -w -t nat -D PREROUTING -j "${name}_d"; do :; done
                "$command" -w -t nat -F "${name}_d"
                "$command" -w -t nat -X "${name}_d"
            fi </dev/null >/dev/null 2>&1
            ;;
    esac
    jump raw PREROUTING p raw OUTPUT o mangle FORWARD f mangle INPUT i </dev/null
done
