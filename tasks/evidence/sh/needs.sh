# Says what an artifact cannot be looked at without. Its exit status is 127 then, and findings say why they did not look.
needs() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 && continue
        printf 'not installed: %s\n' "$tool" >&2
        s=127
        return 127
    done
}
# Whether something lies at a path. What this account may not look at is not absent: that is said, and the status is 1.
present() {
    if [ -e "$1" ] || [ -L "$1" ]; then return 0; fi
    above=${1%/*} reason=
    while [ "$above" ] && [ ! -e "$above" ]; do above=${above%/*}; done
    if [ -d "${above:-/}" ] && [ ! -x "${above:-/}" ]; then reason='Permission denied'; fi
    # A pattern that matches nothing: its directory has to be listed to know that.
    case ${1#"$above"} in *[*?[]*) if [ -d "${above:-/}" ] && [ ! -r "${above:-/}" ]; then reason='Permission denied'; fi ;; esac
    if [ -z "$reason" ] && command -v stat >/dev/null 2>&1; then
        if [ "${later-}" ]; then
            unseen=$unseen$1$nl later=$((later + 1))
            [ "$later" -le 500 ] || settle
            return 1
        fi
        reason=$(stat -- "$1" 2>&1 >/dev/null)
        reason=${reason%' (os error '*')'}
        case $reason in ''|*': No such file or directory'|*': Not a directory') reason= ;; esac
    fi
    [ "$reason" ] || return 1
    printf '%s: cannot be read: %s\n' "$1" "${reason##*: }" >&2
    [ "$s" != 0 ] || s=1
    return 1
}
# Asks one stat(1) about all that was not present since $later was set to 1: where absence is no answer, each is asked.
settle() {
    asked=$unseen unseen= later=
    set -f
    IFS=$nl
    case $asked in
        ?*) ! { stat -- $asked 2>&1 >/dev/null || :; } | other_than_absent || for each in $asked; do present "$each" || :; done ;;
    esac
    set +f
    unset IFS
    later=1
}
other_than_absent() {
    while IFS= read -r line; do
        case ${line%' (os error '*')'} in ''|*': No such file or directory'|*': Not a directory') ;; *) return 0 ;; esac
    done
    return 1
}
# Passes on the first complaints of a command, and how many there are; what is gone meanwhile is none.
lost() {
    count=0
    while IFS= read -r line; do
        case ${line%' (os error '*')'} in *': No such file or directory'|*': No such process') continue ;; esac
        count=$((count + 1))
        [ "$count" -gt 20 ] || printf '%s\n' "$line" >&2
    done
    [ "$count" = 0 ] || printf '%s could not be read\n' "$count" >&2
}
