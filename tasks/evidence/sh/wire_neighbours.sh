# Prints the link-layer addresses of $addresses, the ports where a bridge has learnt them, and leases of DHCP.
if command -v ip >/dev/null 2>&1; then
    for address in $addresses; do ip -s neighbour show to "$address"; done
else
    for address in $addresses; do grep -F "$address " /proc/net/arp; done
fi
cards=$(for address in $addresses; do ip -o neighbour show to "$address"; done 2>/dev/null |
    while read -r line; do
        case $line in *" lladdr "*) line=${line#* lladdr } && echo "${line%% *}" ;; esac
    done)
known=
for each in $addresses $cards; do known="$known -e $each"; done
[ -z "$cards" ] || bridge fdb show 2>/dev/null | grep -iF $known
for file in /var/lib/misc/dnsmasq.leases /tmp/dhcp.leases /var/lib/NetworkManager/dnsmasq-*.leases \
    /var/lib/libvirt/dnsmasq/*.status /var/lib/kea/kea-leases?.csv /run/kea/kea-leases?.csv \
    /var/lib/dhcp/dhcpd*.leases /var/lib/dhcpd/dhcpd*.leases /var/db/dhcpd_leases /config/dhcpd.leases; do
    [ -r "$file" ] || continue
    echo "-- $file"
    case $file in
        *dhcpd*) grep -iF -A 14 $known "$file" ;;
        *.status) grep -iF -B 3 -A 5 $known "$file" ;;
        *) grep -iF $known "$file" ;;
    esac
done
