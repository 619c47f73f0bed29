# Arguments: IP version, the name of the block's scheduled undo. In $routes: the blackhole routes that the block needs no
# more, a line each; those that another block holds stay. Afterwards none of the others is listed any more. Exit status
# 84: they cannot be listed.
rm -f "/run/stopgap/$2.held$1"
going=$(printf %s "$routes" | while read -r route; do
    grep -qxF "$route" /run/stopgap/*.held"$1" 2>/dev/null || echo "$route"
done)
[ -n "$going" ] || exit 0
printf '%s\n' "$going" | sed 's/^/route del blackhole /' | ip -"$1" -force -batch - 2>/dev/null
protocol=$(printf '%s\n' "$going" | sed -n '1s/.* protocol \([0-9]*\).*/\1/p')
listed=$(ip -"$1" route show type blackhole proto "$protocol" </dev/null) || exit 84
printf '%s\n' "$going" | {
    while read -r network _; do
        case $network in *.*/32 | *:*/128) network=${network%/*} ;; esac
        if printf '%s\n' "$listed" | grep -qF "blackhole $network "; then
            echo "the route to $network is still there" >&2
            exit 1
        fi
    done
}
