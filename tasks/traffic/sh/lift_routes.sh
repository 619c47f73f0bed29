# Argument: IP version. In $routes: the blackhole routes that go, a line each.
# Afterwards none of them is listed any more. Exit status 84: they cannot be listed.
printf %s "$routes" | sed 's/^/route del blackhole /' | ip -"$1" -force -batch - 2>/dev/null
protocol=$(printf %s "$routes" | sed -n '1s/.* protocol \([0-9]*\).*/\1/p')
listed=$(ip -"$1" route show type blackhole proto "$protocol" </dev/null) || exit 84
printf %s "$routes" | {
    while read -r network _; do
        case $network in *.*/32 | *:*/128) network=${network%/*} ;; esac
        if printf '%s\n' "$listed" | grep -qF "blackhole $network "; then
            echo "the route to $network is still there" >&2
            exit 1
        fi
    done
}
