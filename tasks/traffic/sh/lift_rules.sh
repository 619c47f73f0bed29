# Arguments: the routing protocol that marks what is ours, the priorities whose routing rules go.
protocol=$1
shift
for family in 4 6; do
    for pref; do
        while ip -$family rule del pref "$pref" protocol "$protocol" 2>/dev/null; do :; done
    done
done </dev/null
