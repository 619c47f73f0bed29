# Arguments: a route-map of ours, the AS number, the networks to announce under it.
# From whatever bears the route-map's name to exactly these networks, from none to all: the same text announces,
# changes and withdraws, and finds nothing to do the second time. vtysh stops at the first line that it refuses, but
# its status proves nothing: what FRR runs is looked at before and after, and counts where it shows the BGP instance
# and the end. Exit status 84: nobody can tell.
look() {
    running=$(vtysh -c 'show running-config') || { echo 'vtysh does not show the configuration' >&2; exit 84; }
    if ! printf '%s\n' "$running" | grep -q "^router bgp $asn\$" || ! printf '%s\n' "$running" | grep -q '^end$'; then
        echo "vtysh does not show \`router bgp $asn\`, with the configuration to its end" >&2
        exit 84
    fi
    ours=$(printf '%s\n' "$running" | sed -n "s/^  network \([^ ]*\) route-map $map\$/\1/p" | sort | tr '\n' ' ')
    mapped=$(printf '%s\n' "$running" | grep -c "^route-map $map ")
}
stands() {
    [ "$ours" = "$in_order" ] || return
    if [ -n "$in_order" ]; then [ "$mapped" != 0 ]; else [ "$mapped" = 0 ]; fi
}
announce() {
    map=$1 asn=$2
    shift 2
    wanted=" $* "
    in_order=
    [ $# = 0 ] || in_order=$(printf '%s\n' "$@" | sort | tr '\n' ' ')
    look
    [ -n "$in_order" ] || ! stands || return 0
    set -- -c 'configure terminal'
    [ -z "$in_order" ] || set -- "$@" -c "route-map $map permit 10" -c 'set community blackhole' -c exit
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
    [ -n "$in_order" ] || set -- "$@" -c "no route-map $map"
    said=$(vtysh "$@" 2>&1)
    failed=$?
    look
    stands && return
    printf '%s\n' "${said:-vtysh said nothing, and changed nothing}" | tail -n 1 >&2
    [ $failed != 0 ] || failed=1
    return $failed
}
announce "$@" </dev/null
