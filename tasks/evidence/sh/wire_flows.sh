# Prints the flows of the addresses that $patterns match, and the settings that give flows bytes and times.
for each in acct timestamp count max; do
    value=$(cat /proc/sys/net/netfilter/nf_conntrack_$each) && echo "nf_conntrack_$each $value"
done 2>/dev/null
if command -v conntrack >/dev/null 2>&1; then
    # grep(1) ends with 1 where nothing matches: a router without flows of the host is no failure.
    for family in ipv4 ipv6; do conntrack -f $family -L -o id,extended 2>/dev/null | grep -F $patterns; done
elif [ -r /proc/net/nf_conntrack ]; then
    grep -F $patterns /proc/net/nf_conntrack
elif command -v python3 >/dev/null 2>&1; then
    python3 -B -I -S -c "$program" $addresses || s=$?
else
    echo 'not installed: conntrack, python3, and the kernel has no /proc/net/nf_conntrack' >&2
    s=127
fi
