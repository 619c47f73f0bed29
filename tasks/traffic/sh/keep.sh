# Arguments: the block's table; the file that is to say when the block ends, in seconds since 1970; the one that is to
# say whose it is. Then both, where they are known: otherwise the end is the kernel's own, the first of any address, so
# that nothing lasts longer after a reboot than before it.
end=$4 made=$5
if [ -z "$end" ]; then
    now=$(date +%s)
    left=$(nft -j list table inet "$1" | grep -o '"expires": *[0-9]*' | sed 's/.*[: ]//' | sort -n | head -n 1)
    [ -n "$left" ] || { echo 'nft does not say when the block ends' >&2; exit 1; }
    end=$((now + left))
    made=$(nft list chain inet "$1" made 2>/dev/null |
        sed -n 's/.* comment "by \(.*\) in \(.*\) until [0-9]* as \(.*\)".*/\1 \2 \3/p')
fi
keep() { printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1"; }
umask 022
keep "$3" "$made" && keep "$2" "$end"
