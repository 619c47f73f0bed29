# Arguments: what to do (look, load, unload, lift), the name of the block's chains and sets, their owner; then the change
# that loads them, the one whose chains that replaces, and how many seconds they last, in place of which `unload` and
# `lift` have `ip TABLE` or `ip6 TABLE` for each table that was not there before. In $sets: input of ipset, if any; in
# $chains4 and $chains6: of iptables-restore; in $seen what `look` printed before `unload`.
# The first rule of chain `p` says whose the chains are, which change loaded them, when they end by the router's time
# since boot, and gives checksums of rules and of what the sets block, by which another's hand is seen.
what=$1 name=$2 owner=$3 change=$4 replaced=$5 lasts=$6

now() { read -r up rest </proc/uptime && echo "${up%%.*}"; }
sum() { sha256sum | cut -c 1-12; }
saved() { iptables-save && ip6tables-save; }
sums() {
    rules_sum=$({
        printf '%s\n' "$1" | grep "[ :]${name}_[a-z]\( \|\$\)" | grep -v -e '--comment "\{0,1\}by ' | sed 's/\[[0-9:]*\]//'
        ipset save 2>/dev/null | grep "^add ${name}_a[46] " | sort
    } | sum)
    left=$(ipset save 2>/dev/null | grep "^add ${name}_[bc][46] " | sed 's/ timeout [0-9]*//' | sort)
    elements_sum=$(printf '%s\n' "$left" | sum)
}
made() { printf '%s\n' "$1" | sed -n "s/^-A ${name}_p .*--comment \"by \([^\"]*\)\".*/\1/p" | head -n 1; }
look() { # none, the change that loaded them, `changed` and that change, `unmarked`, or `another owner's`
    text=$(saved) || return
    printf '%s\n' "$text" | grep -q "^:${name}_[a-z] " || { echo none; return; }
    set -- $(made "$text")
    [ "$2" = in ] || { echo unmarked; return; }
    [ "$1" = "$owner" ] || { echo "another owner's"; return; }
    [ "$6" = as ] || { echo "$3"; return; } # it was cut off while it loaded them
    sums "$text"
    [ "$7" = "$rules_sum" ] && { [ -z "$left" ] || [ "$8" = "$elements_sum" ]; } || set -- "$@" changed
    [ "$9" = changed ] && echo "changed $3" || echo "$3"
}

place() { # The chains take effect with the jumps, which come last, and first of all that stands in the built-in chains.
    case $chains in
        *":${name}_$3 "*)
            first=$("$command" -w -t "$1" -S "$2" | grep -m1 '^-A')
            [ "$first" != "-A $2 -j ${name}_$3" ] || return 0
            while "$command" -w -t "$1" -D "$2" -j "${name}_$3" 2>/dev/null; do :; done
            "$command" -w -t "$1" -I "$2" 1 -j "${name}_$3"
            ;;
        *) # A chain of the block's that is not to be any more goes.
            "$command-save" | grep -q "^:${name}_$3 " || return 0
            while "$command" -w -t "$1" -D "$2" -j "${name}_$3" 2>/dev/null; do :; done
            "$command" -w -t "$1" -F "${name}_$3"
            "$command" -w -t "$1" -X "${name}_$3"
            ;;
    esac
}
lay() { # Argument: what the first rule says.
    [ -z "$sets" ] || printf %s "$sets" | ipset -exist restore || return
    for command in iptables ip6tables; do
        chains=$chains4
        [ $command = iptables ] || chains=$chains6
        [ -n "$chains" ] || continue
        printf %s "$chains" | if [ "$1" ]; then sed "s/@made@/\"$1\"/"; else sed /@made@/d; fi |
            "$command-restore" -w --noflush || return
        place nat PREROUTING d && place raw PREROUTING p && place raw OUTPUT o && place mangle FORWARD f &&
            place mangle INPUT i && place mangle OUTPUT s || return
    done
    # Sets that no chain of the block's asks any more: a card was dropped before, and is not any more.
    for set in c4 c6; do
        case $sets in *" ${name}_$set "*) ;; *) ipset -q destroy "${name}_$set" 2>/dev/null ;; esac
    done
    return 0
}
load() {
    there=$(look) || return
    case $there in none | "$change" | "changed $change" | "$replaced" | "changed $replaced") ;; *)
        echo "it shows: $there" >&2
        return 76 ;;
    esac
    by="by $owner in $change until $(($(now) + lasts))"
    lay "$by" || return
    sums "$(saved)"
    for command in iptables ip6tables; do
        if "$command" -w -t raw -S "${name}_p" >/dev/null 2>&1; then
            "$command" -w -t raw -R "${name}_p" 1 -m comment --comment "$by as $rules_sum $elements_sum" || return
        fi
    done
}
unload() {
    there=$(look) || return
    [ "$there" = "${seen:-$there}" ] || { echo 'somebody has replaced it just now' >&2; return 1; }
    case $there in
        "$change" | "changed $change") ;;
        none) # who flushes the rules leaves the sets, which no chain asks any more
            ! command -v ipset >/dev/null || forget_sets
            return ;;
        "another owner's" | "$replaced" | "changed $replaced") return ;;
        *) chains4='' chains6='' ;;
    esac
    end=$(printf '%s\n' "$chains4$chains6" | sed -n 's/.* until \([0-9]*\).*/\1/p' | head -n 1)
    seconds=$((${end:-0} - $(now)))
    if [ -z "$chains4$chains6" ] || { [ -n "$end" ] && [ $seconds -le 0 ]; }; then lift "$@"; return; fi
    [ -z "$end" ] || sets=$(printf '%s\n' "$sets" | sed "/^add .*_t /s/ timeout [0-9]*\$/ timeout $seconds/")
    sets=${sets:+"$sets
"}
    lay ''
}

drop() {
    # Asking for a table that is not there would make it.
    printf '%s\n' "$text" | grep -q "^:${name}_$3 " || return 0
    while "$command" -w -t "$1" -D "$2" -j "${name}_$3"; do :; done
    "$command" -w -t "$1" -F "${name}_$3"
    "$command" -w -t "$1" -X "${name}_$3"
}
forget_sets() { for set in b4 b6 a4 a6 c4 c6; do ipset -q destroy "${name}_$set" 2>/dev/null; done; return 0; }
lift() { # Chains, jumps to them and sets of that name go, and the empty tables that the nft flavour of iptables leaves.
    {
        for command in iptables ip6tables; do
            text=$("$command-save")
            drop raw PREROUTING p
            drop raw OUTPUT o
            drop mangle FORWARD f
            drop mangle INPUT i
            drop mangle OUTPUT s
            drop nat PREROUTING d
        done
        forget_sets
        shift 5
        while [ $# -gt 1 ]; do
            command=iptables
            [ "$1" = ip ] || command=ip6tables
            if "$command" -V | grep -q nf_tables && ! "$command-save" -t "$2" | grep -q '^-A\|^:[^ ]* -'; then
                nft delete table "$1" "$2"
            fi
            shift 2
        done
    } >/dev/null 2>&1
    text=$(saved) || return 84 # nobody can tell
    kept=
    ! command -v ipset >/dev/null || kept=$(ipset save) || return 84
    left=$(printf '%s\n' "$text" "$kept" | grep -m 1 "[ :]${name}_[a-z][46]\{0,1\} ") || return 0
    echo "still there: $left" >&2
    return 1
}
$what "$@" </dev/null
