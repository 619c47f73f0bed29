# Arguments: a route-map of ours, the AS number, the networks to announce under it.
# From whatever bears the route-map's name to exactly these networks, from none to all: the same text announces,
# changes and withdraws, and finds nothing to do the second time. vtysh stops at the first line that it refuses.
announce() {
    map=$1 asn=$2
    shift 2
    wanted=" $* "
    running=$(vtysh -c 'show running-config') || exit
    ours=$(printf '%s\n' "$running" | sed -n "s/^  network \([^ ]*\) route-map $map\$/\1/p" | tr '\n' ' ')
    if [ $# = 0 ] && [ -z "$ours" ] && ! printf '%s\n' "$running" | grep -q "^route-map $map "; then return; fi
    set -- -c 'configure terminal'
    [ "$wanted" = '  ' ] || set -- "$@" -c "route-map $map permit 10" -c 'set community blackhole' -c exit
    set -- "$@" -c "router bgp $asn"
    for family in ipv4 ipv6; do
        set -- "$@" -c "address-family $family unicast"
        for network in $ours $wanted; do
            case $family$network in ipv4*:*) continue ;; ipv6*:*) ;; ipv6*) continue ;; esac
            case " $ours " in *" $network "*) had=yes ;; *) had= ;; esac
            case "$wanted" in *" $network "*) has=yes ;; *) has= ;; esac
            [ -z "$had" ] || [ -n "$has" ] || set -- "$@" -c "no network $network"
            [ -n "$had" ] || set -- "$@" -c "network $network route-map $map"
        done
        set -- "$@" -c exit-address-family
    done
    set -- "$@" -c exit
    [ "$wanted" != '  ' ] || set -- "$@" -c "no route-map $map"
    vtysh "$@"
}
announce "$@" </dev/null
