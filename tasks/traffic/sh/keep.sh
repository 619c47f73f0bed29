# Arguments: family and name of the block's table; the file that is to say when the block ends, in seconds since 1970; the one that is to
# say whose it is. Then both, where they are known: otherwise the end is the kernel's own, the first of any address, so
# that nothing lasts longer after a reboot than before it.
family=$1 table=$2 until=$3 whose=$4 end=$5 made=$6
if [ -z "$end" ]; then
    now=$(date +%s)
    left=$(nft -j list table "$family" "$table" | grep -o '"expires": *[0-9]*' | sed 's/.*[: ]//' | sort -n | head -n 1)
    [ -n "$left" ] || { echo 'nft does not say when the block ends' >&2; exit 1; }
    end=$((now + left))
    made=$(nft list chain "$family" "$table" made 2>/dev/null |
        sed -n 's/.* comment "by \(.*\) in \(.*\) until [0-9]* as \(.*\)".*/\1 \2 \3/p')
fi
keep() { printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1"; }
umask 022
keep "$whose" "$made" && keep "$until" "$end"
