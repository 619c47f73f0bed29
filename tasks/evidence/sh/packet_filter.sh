# Lists the packet filter's rules where it is loaded: to ask otherwise would make the kernel load it.
loaded= missing=127
if [ -d /sys/module/nf_tables ] || grep -q ' nf_tables_' /proc/kallsyms 2>/dev/null; then
    loaded=yes
    run 'nft -a list ruleset'
fi
for family in ip ip6; do
    { read -r line <"/proc/net/${family}_tables_names"; } 2>/dev/null || continue
    loaded=yes
    run "${family}tables-save -c"
done
[ "$loaded" ] || echo 'no packet filter is loaded: there is none' >&2
