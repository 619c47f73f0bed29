# Arguments: what to do (lay, lift), the bridge of Open vSwitch, the cookie of the block's flows, the scheduled undo's name,
# then the guest's ports. In $flows: the flows, one a line.
# `lay` replaces the flows under the cookie in one transaction, stops floods to the ports, and waits until no flow from
# before is cached any more; `lift` takes away what `lay` did. The ports that were flooded to are kept beside the timer.
what=$1 bridge=$2 cookie=$3 flooded=/run/stopgap/$4.flooded
shift 4

lay() {
    text=$(printf 'delete cookie=%s/-1\n%s\n' "$cookie" "$flows")
    printf '%s\n' "$text" | ovs-ofctl -O OpenFlow14 --bundle add-flows "$bridge" - ||
        printf '%s\n' "$text" | ovs-ofctl add-flows "$bridge" - || return
    for port; do
        shown=$(ovs-ofctl show "$bridge" 2>/dev/null | sed -n "/^ [0-9]*($port): /,/config:/p")
        case $shown in '' | *NO_FLOOD*) continue ;; esac
        echo "$port" >>"$flooded"
        ovs-ofctl mod-port "$bridge" "$port" no-flood || return
    done
    ovs-appctl revalidator/wait >/dev/null 2>&1 || sleep 1
}
lift() {
    ovs-vsctl br-exists "$bridge"
    case $? in 0) ;; 2) rm -f "$flooded"; return ;; *) return 84 ;; esac # nobody can tell
    ovs-ofctl del-flows "$bridge" "cookie=$cookie/-1" || return
    if [ -e "$flooded" ]; then
        while read -r port; do ovs-ofctl mod-port "$bridge" "$port" flood 2>/dev/null; done <"$flooded"
        rm -f "$flooded"
    fi
    left=$(ovs-ofctl --no-stats dump-flows "$bridge" "cookie=$cookie/-1" | grep -m 1 actions=) || return 0
    echo "still there: $left" >&2
    return 1
}
$what "$@" </dev/null
