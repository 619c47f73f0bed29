# Argument: a file that bird.conf includes. In $rules: what it is to hold; nothing: it goes.
# A file that BIRD does not take is put back as it was; BIRD itself goes on with what it had. birdc's status proves
# nothing: BIRD has to say that it takes the file up, and the protocols that were only in the file before have to be
# gone. Exit status 84: nobody can tell.
seconds=10
put_back() {
    if [ -e "$file.before" ]; then mv -f -- "$file.before" "$file"; else rm -f -- "$file"; fi
}
protocols() { sed -n 's/^protocol static \([A-Za-z0-9_]*\) .*/\1/p'; }
is_running() {
    for status in /proc/[0-9]*/status; do
        read -r _ name <"$status" && case $name in bird | bird6) return 0 ;; esac
    done 2>/dev/null
    return 1
}
gone() { # a protocol that BIRD takes down is listed until it is down
    left=$seconds
    while :; do
        listed=$(birdc -r show protocols 2>&1)
        printf '%s\n' "$listed" | grep -q '^[Nn]ame  *[Pp]roto ' || return 84
        still=
        for protocol in $former; do
            ! printf '%s\n' "$listed" | grep -q "^$protocol " || still=$protocol
        done
        [ -n "$still" ] || return 0
        [ $left -gt 0 ] || return 1
        left=$((left - 1))
        sleep 1
    done
}
originate() {
    umask 022
    file=$1
    trap 'rm -f "$file.before" "$file.new"' EXIT
    former=
    if [ -e "$file" ]; then
        cp -p -- "$file" "$file.before" || return
        for protocol in $(protocols <"$file"); do
            case "
$(printf %s "$rules" | protocols)
" in *"
$protocol
"*) ;; *) former="$former $protocol" ;; esac
        done
    fi
    if [ -n "$rules" ]; then
        printf '%s' "$rules" >"$file.new" && mv -f -- "$file.new" "$file" || return
    else
        rm -f -- "$file"
        if ! said=$(birdc -r show status 2>&1); then
            is_running || return 0
            put_back
            printf 'BIRD runs, and does not answer: %s\n' "$(printf '%s\n' "$said" | tail -n 1)" >&2
            return 84
        fi
    fi
    said=$(birdc configure 2>&1)
    failed=$?
    case $said in
        *Reconfigured* | *'Reconfiguration in progress'* | *'Reconfiguration already in progress'*) ;;
        *)
            put_back
            printf '%s\n' "${said:-birdc says nothing}" | tail -n 1 >&2
            [ $failed != 0 ] || failed=1
            return $failed
            ;;
    esac
    [ -n "$former" ] || return 0
    gone && return
    failed=$?
    put_back
    case $failed in
        84) echo "BIRD does not list its protocols: $(printf '%s\n' "$listed" | tail -n 1)" >&2 ;;
        *) echo "BIRD still has the protocol $still" >&2 ;;
    esac
    return $failed
}
originate "$1" </dev/null
