# Arguments: the block's table; the file that is to say when the block ends, in seconds since 1970.
# The end is the kernel's own, the first of any address, so that nothing lasts longer after a reboot than before it.
now=$(date +%s)
left=$(nft -j list table inet "$1" | grep -o '"expires": *[0-9]*' | sed 's/.*[: ]//' | sort -n | head -n 1)
[ -n "$left" ] || { echo 'nft does not say when the block ends' >&2; exit 1; }
umask 022
echo $((now + left)) >"$2.new" && sync "$2.new" && mv -f "$2.new" "$2"
