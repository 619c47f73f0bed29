# Argument: a file that bird.conf includes. In $rules: what it is to hold; nothing: it goes.
# A file that BIRD does not take is put back as it was; BIRD itself goes on with what it had.
originate() {
    umask 022
    trap 'rm -f "$1.before" "$1.new"' EXIT
    [ ! -e "$1" ] || cp -p -- "$1" "$1.before" || return
    if [ -n "$rules" ]; then
        printf '%s' "$rules" >"$1.new" && mv -f -- "$1.new" "$1" || return
    else
        rm -f -- "$1"
        birdc -r show status >/dev/null 2>&1 || return 0
    fi
    said=$(birdc configure 2>&1) && return
    printf '%s\n' "$said" | tail -n 1 >&2
    if [ -e "$1.before" ]; then mv -f -- "$1.before" "$1"; else rm -f -- "$1"; fi
    return 1
}
originate "$1" </dev/null
