# Arguments: what to do (look, load, unload), the family of the block's table, the table, its owner; then the change that
# loads it, the one whose table that replaces, and how many seconds it lasts. In $rules: the table, or what `unload` puts
# back; in $seen what `look` printed before `unload`, which leaves what was put back already, and puts nothing back in place of what another
# change has loaded.
# The chain `made` says whose the table is, which change loaded it, when it ends by the router's time since boot, and
# gives checksums of its rules and of its elements with a timeout, by which another's hand is seen.
# A table is replaced by its handle, which no other table ever gets: what came in between fails it, and is left.
what=$1 family=$2 table=$3 owner=$4 change=$5 replaced=$6 lasts=$7

listed() { nft -s list table $family "$table"; }
flat() { tr -s '\n\t ' '   '; }
sum() {
    set -- $(sha256sum)
    printf '%.12s\n' "$1"
}
timed() { grep -o 'elements = {[^}]* timeout [^}]*}' | tr -s ' ,' '\n\n' | sort; }
sums() {
    all=$(printf '%s\n' "$1" | flat)
    rules_sum=$(printf '%s' "$all" | sed 's/chain made {[^}]*}//; s/elements = {[^}]* timeout [^}]*}//g; s/  */ /g' | sum)
    left=$(printf '%s\n' "$all" | timed)
    elements_sum=$(printf '%s\n' "$left" | sum)
}
look() { # none, the change that loaded it, `changed` and that change, `unmarked`, or `another owner's`
    text=$(listed 2>&1) || case $text in
        *'No such file or directory'*) echo none; return ;;
        *) printf '%s\n' "$text" >&2; return 1 ;;
    esac
    case $text in 'table '*) ;; *) text=$(listed 2>/dev/null) ;; esac # without a warning of nft's
    set -- $(printf '%s\n' "$text" | sed -n 's/.* comment "by \([^"]*\)"$/\1/p')
    [ "$2" = in ] || { echo unmarked; return; }
    [ "$1" = "$owner" ] || { echo "another owner's"; return; }
    [ "$6" = as ] || { echo "$3"; return; } # it was cut off while it loaded the table
    sums "$text"
    [ "$7" = "$rules_sum" ] && { [ -z "$left" ] || [ "$8" = "$elements_sum" ]; } || set -- "$@" changed
    [ "$9" = changed ] && echo "changed $3" || echo "$3"
}
now() { read -r up rest </proc/uptime && echo "${up%%.*}"; }
handle() { nft -a list table $family "$table" 2>/dev/null | sed -n '1s/.*# handle \([0-9]*\)$/delete table '$family' handle \1/p'; }
mark() { printf 'table %s %s { chain made { return comment "%s"; }; }\n' "$family" "$table" "$1"; }

load() {
    gone=
    there=$(look) || return
    if [ "$there" != none ]; then
        gone=$(handle)
        there=$(look) || return
    fi
    case $there in none | "$change" | "changed $change" | "$replaced" | "changed $replaced") ;; *)
        echo "it shows: $there" >&2
        return 76 ;;
    esac
    by="by $owner in $change until $(($(now) + lasts))"
    { printf '%s\n' "$gone"; printf "%s\n" "$rules"; mark "$by"; } | nft -f - || return
    sums "$(listed)"
    { echo "flush chain $family $table made"; mark "$by as $rules_sum $elements_sum"; } | nft -f -
}
unload() {
    gone=$(handle)
    there=$(look) || return
    [ "$there" = "${seen:-$there}" ] || { echo 'somebody has replaced it just now' >&2; return 1; }
    case $there in
        "$change" | "changed $change") ;;
        none | "another owner's" | "$replaced" | "changed $replaced") return ;;
        *) rules= ;;
    esac
    end=$(printf '%s\n' "$rules" | sed -n 's/.* until \([0-9]*\).*/\1/p')
    seconds=$((${end:-0} - $(now)))
    if [ -z "$end" ]; then back=$rules
    elif [ $seconds -gt 0 ]; then
        back=$(printf '%s\n' "$rules" | sed "s/ timeout \([0-9a-z]*\)/& expires ${seconds}s/g")
    else back=; fi
    { printf '%s\n' "$gone"; printf '%s\n' "$back"; } | nft -f -
}
$what </dev/null
