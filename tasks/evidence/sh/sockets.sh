# Prints the kernel's tables of sockets, once for each network namespace that a process lives in.
tables='tcp tcp6 udp udp6 udplite udplite6 raw raw6 icmp icmp6 packet netlink unix'
seen=' ' closed=0
command -v readlink >/dev/null 2>&1 || {
    echo 'not installed: readlink, so that one network namespace alone is looked at' >&2
    for table in $tables; do show "/proc/self/net/$table"; done
}
for process in /proc/self /proc/[0-9]*; do
    namespace=$(readlink "$process/ns/net" 2>/dev/null) || {
        [ ! -d "$process/ns" ] || closed=$((closed + 1))
        continue
    }
    case $seen in *" $namespace "*) continue ;; esac
    seen="$seen$namespace "
    for table in $tables; do
        show "$process/net/$table"
    done
done
[ "$closed" = 0 ] || echo "the namespaces of $closed processes could not be read" >&2
