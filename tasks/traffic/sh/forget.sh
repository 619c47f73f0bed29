# Arguments: the block's name, `nft` or `ipset`, whichever knows who is allowed. In $flows: what is blocked, in
# $diverted: to whom web traffic was translated; IP version and address a line.
# Flows that an allowed address opened are spared: a firewall that asks for a handshake would cut the operator off.
# Web and UDP flows, of which there may be many, go at once.
name=$1 spared=$2
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
{
    printf %s "$flows" | while read -r version address; do
        family=ipv$version
        forget -f "$family" -s "$address"
        for web in 80 443; do forget -f "$family" -d "$address" -p tcp --dport $web; done
        forget -f "$family" -d "$address" -p udp
        conntrack -L -f "$family" -d "$address" | sed -n 's/^[^=]*src=\([^ ]*\).*/\1/p' | sort -u | head -n 256 |
            while read -r source; do allowed "$source" || forget -f "$family" -s "$source" -d "$address"; done
    done
    printf %s "$diverted" | while read -r version address; do forget -f "ipv$version" --dst-nat "$address"; done
} </dev/null >/dev/null 2>&1
true
