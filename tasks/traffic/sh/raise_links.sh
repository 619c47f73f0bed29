# Arguments: devices, which go up. In $lines: addresses and routes to put back; what is there is no hindrance.
for device; do ip link set dev "$device" up || exit; done
printf %s "$lines" | while read -r family line; do
    printf '%s\n' "$line" | ip "$family" -force -batch - 2>/dev/null
done
true
