# Arguments: the block's name, then `ip TABLE` or `ip6 TABLE` for each table that was not there before it.
# Chains, jumps to them and sets of that name go. The nft flavour of iptables leaves empty tables, which go too.
name=$1
shift
lift() {
    # Asking for a table that is not there would make it.
    printf '%s\n' "$saved" | grep -q "^:${name}_$3 " || return 0
    while "$command" -w -t "$1" -D "$2" -j "${name}_$3"; do :; done
    "$command" -w -t "$1" -F "${name}_$3"
    "$command" -w -t "$1" -X "${name}_$3"
}
for command in iptables ip6tables; do
    saved=$("$command-save")
    lift raw PREROUTING p
    lift raw OUTPUT o
    lift mangle FORWARD f
    lift mangle INPUT i
    lift mangle OUTPUT s
    lift nat PREROUTING d
done </dev/null >/dev/null 2>&1
for set in b4 b6 a4 a6 c4 c6; do ipset -q destroy "${name}_$set"; done </dev/null 2>/dev/null
while [ $# -gt 0 ]; do
    command=iptables
    [ "$1" = ip ] || command=ip6tables
    if "$command" -V | grep -q nf_tables && ! "$command-save" -t "$2" | grep -q '^-A\|^:[^ ]* -'; then
        nft delete table "$1" "$2"
    fi
    shift 2
done </dev/null >/dev/null 2>&1
if { iptables-save; ip6tables-save; ipset save; } </dev/null 2>/dev/null | grep "$name"_; then exit 1; fi
