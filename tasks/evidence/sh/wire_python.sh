# Writes packets of $devices to standard output as pcapng with $program, for $seconds, whole up to $snap bytes.
sleep "$seconds" >/dev/null 2>&1 &
time=$!
python3 -B -I -S -c "$program" "$snap" "$promiscuous" "$devices" "$wanted" "$spared" &
reader=$!
