# Writes packets of $device to standard output with tcpdump(8), for $seconds, whole up to $snap bytes.
[ -z "$tagged" ] || ! tcpdump -i "$device" -d "$tagged" >/dev/null 2>&1 || filter=$tagged
at_once=
case $(tcpdump --help 2>&1) in *--immediate-mode*) at_once=--immediate-mode ;; esac
sleep "$seconds" >/dev/null 2>&1 &
time=$!
tcpdump -n -U $at_once $quiet -i "$device" -s "$snap" -w - "$filter" &
reader=$!
