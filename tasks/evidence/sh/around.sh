# Leaves out the mounts below the starting points that do not answer within two seconds, of those that a network or
# another program answers for: find(1) does not enter them, and waits for them all the same. Where there is one, a
# starting point above it gives way to its entries that are no mount points.
dead=$nl mounted=$nl
while read -r _ _ _ _ point rest; do
    case $point in *\\*) point=$(printf '%b' "$point") ;; esac
    mounted=$mounted$point$nl
    case ${rest#*- } in
        nfs*|cifs\ *|smb3\ *|9p\ *|ceph\ *|afs\ *|fuse*|glusterfs\ *|lustre\ *|orangefs\ *) ;;
        *) continue ;;
    esac
    above=
    for start; do
        # Bash matches nothing by a pattern that begins with "${start%/}" where that is empty.
        case $point in "${start%/}/"*) above=yes ;; esac
    done
    [ "$above" ] || continue
    timeout -s KILL 2 stat -- "$point" >/dev/null 2>&1
    case $? in
        124|137)
            printf 'left out, does not answer: %s\n' "$point" >&2
            dead=$dead$point$nl ;;
    esac
done </proc/self/mountinfo
left=$#
[ "$dead" != "$nl" ] || left=0
while [ "$left" -gt 0 ]; do
    start=$1 left=$((left - 1))
    shift
    case $dead in
        *"$nl$start$nl"*) ;;
        *"$nl${start%/}/"*)
            for entry in "${start%/}"/* "${start%/}"/.[!.]* "${start%/}"/..?*; do
                case $mounted in *"$nl$entry$nl"*) continue ;; esac
                if [ -e "$entry" ] || [ -L "$entry" ]; then
                    set -- "$entry" "$@"
                    left=$((left + 1))
                fi
            done ;;
        *) set -- "$@" "$start" ;;
    esac
done
