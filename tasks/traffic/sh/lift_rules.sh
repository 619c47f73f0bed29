# Arguments: the routing protocol that marks what is ours, the priorities whose routing rules go.
# Afterwards none of them is listed any more. Exit status 84: the rules of a family cannot be listed.
protocol=$1
shift
for family in 4 6; do
    for pref; do
        while ip -$family rule del pref "$pref" protocol "$protocol" 2>/dev/null; do :; done
    done
    if ! listed=$(ip -$family rule show); then
        [ $family = 4 ] || [ -e /proc/net/if_inet6 ] || continue # a kernel without IPv6 has no such rules
        exit 84
    fi
    for pref; do
        if printf '%s\n' "$listed" | grep -q "^$pref:.* proto $protocol\( \|\$\)"; then
            echo "a routing rule of priority $pref is still there" >&2
            exit 1
        fi
    done
done </dev/null
