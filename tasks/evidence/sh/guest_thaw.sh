# Merges what the guest $1 wrote beside its disks (TARGET SOURCE OVERLAY each) back into them, and removes the overlays.
guest=$1
shift
while [ $# -gt 0 ]; do
    at=$(virsh -q -r domblklist "$guest" | sed -n "s|^ *$1  *||p")
    if [ "$at" = "$3" ]; then
        virsh -q blockcommit "$guest" "$1" --active --pivot --wait >/dev/null || exit 1
    fi
    at=$(virsh -q -r domblklist "$guest" | sed -n "s|^ *$1  *||p")
    [ "$at" = "$2" ] || { echo "$1 of $guest is at $at" >&2; exit 1; }
    rm -f "$3"
    shift 3
done
