# Arguments: `blocked` or `diverted`; seconds that it may take; of `blocked` also the block's name, and `nft` or `ipset`,
# whichever knows who is allowed. In $table: the program that goes over the table of flows in one pass, in $wanted: its
# input. In $flows, for conntrack(8): what is blocked, or to whom web traffic was translated; IP version and address a
# line. Says what was forgotten, and what is left; its failure is no failure of the block, which drops all the same.
which=$1 seconds=$2 name=$3 spared=$4
value() { printf '%s\n' "$said" | sed -n "s/^$1 //p"; }
if command -v python3 >/dev/null &&
    said=$(printf %s "$wanted" | python3 -B -I -S -c "$table" forget "$which" "$seconds" 2>/dev/null); then
    text="$(value forgotten) flows forgotten"
    [ "$(value left)" = 0 ] || text="$text, $(value left) left in the table"
    [ "$(value offloaded)" = 0 ] || text="$text, $(value offloaded) of them offloaded"
    case $said in *unread*) text="$text, and the table was not read to its end within $seconds s" ;; esac
    case $text in '0 flows forgotten') ;; *) echo "$text" ;; esac
    exit 0
fi
command -v conntrack >/dev/null || { echo 'no flow was forgotten: neither python3 nor conntrack can do it there'; exit 0; }
end=$(($(date +%s) + seconds))
forget() { # conntrack(8) gives up where a flow ends after it was listed, and exits with 1 where nothing matches
    tries=0
    while [ $tries -lt 100 ] && conntrack -D "$@" 2>&1 >/dev/null | grep -q 'Operation failed'; do
        tries=$((tries + 1))
    done
}
allowed() {
    case $spared in
        nft) nft get element inet "$name" "allowed$version" "{ $1 }" ;;
        ipset) ipset test "${name}_a$version" "$1" ;;
    esac
}
forget_blocked() { # flows that an allowed address opened are spared; web and UDP flows, which may be many, go at once
    forget -f "$family" -s "$address"
    forget -f "$family" -q "$address"
    for web in 80 443; do forget -f "$family" -d "$address" -p tcp --dport $web; done
    forget -f "$family" -d "$address" -p udp
    conntrack -L -f "$family" -d "$address" | sed -n 's/^[^=]*src=\([^ ]*\).*/\1/p' | sort -u | head -n 256 |
        while read -r source; do allowed "$source" || forget -f "$family" -s "$source" -d "$address"; done
}
printf %s "$flows" | {
    late=0
    while read -r version address; do
        family=ipv$version
        if [ "$(date +%s)" -ge "$end" ]; then late=$((late + 1))
        elif [ "$which" = diverted ]; then forget -f "$family" --dst-nat "$address"
        else forget_blocked
        fi </dev/null >/dev/null 2>&1
    done
    [ $late = 0 ] || echo "flows of $late addresses are left in the table: conntrack took longer than $seconds s"
}
true
