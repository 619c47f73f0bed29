# Writes packets of $devices to standard output as pcapng with dumpcap(1), for $seconds, whole up to $snap bytes.
set --
for device in $devices; do set -- "$@" -i "$device" $quiet -s "$snap" -f "$filter"; done
sleep "$seconds" >/dev/null 2>&1 &
time=$!
dumpcap -q "$@" -w - &
reader=$!
