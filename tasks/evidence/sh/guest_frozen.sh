# Prints whether the guest $1 writes beside its disks (TARGET SOURCE OVERLAY each): frozen, thawed, partly, or where else.
now=$(virsh -q -r domblklist "$1") || exit 1
shift
frozen= thawed= other=
while [ $# -gt 0 ]; do
    at=$(printf '%s\n' "$now" | sed -n "s|^ *$1  *||p")
    case $at in
        "$3") frozen=yes ;;
        "$2") if [ -e "$3" ]; then frozen=yes; fi; thawed=yes ;;
        *) other="$other $1: $at" ;;
    esac
    shift 3
done
if [ "$other" ]; then echo "$other"
elif [ "$frozen$thawed" = yesyes ]; then echo partly
elif [ "$frozen" ]; then echo frozen
else echo thawed; fi
