# Looks for processes that the listing of /proc leaves out: asks for every number up to what was ever given out,
# by opening its status, and by signal 0 where that fails. What was missing is looked at again a second later.
# Once all numbers were given out they begin anew: those above the last one, millions, are asked by signal 0 first, by perl
# or python3 within seconds; by the shell for 20 s, and how far it came is said.
listing() { for file in /proc/[0-9]*; do printf '%s ' "${file#/proc/}"; done; }
leader() {
    tgid= name=
    while read -r key value; do
        case $key in Name:) name=$value ;; Tgid:) tgid=$value; break ;; esac
    done <"/proc/$1/status"
    [ "$tgid" = "$1" ]
}
alive() { kill -0 "$1"; }

{ read -r _ </proc/1/status; } 2>/dev/null || {
    echo 'not looked: the processes of other accounts are hidden from this one (hidepid, proc(5))' >&2
    exit 127
}
before=" $(listing) " found=0 suspects=
forks=0
while read -r key value; do [ "$key" != processes ] || forks=$value; done </proc/stat
most=$(cat /proc/sys/kernel/pid_max) || most=4194304
# Numbers are given out in order, and begin anew only after the highest: proc(5) has the last one in loadavg.
read -r _ _ _ _ last </proc/loadavg || last=$most
last=$((last + 1000))
[ "$last" -lt "$most" ] || last=$most
ask() {
    if leader "$1"; then
        found=$((found + 1))
        case $before in *" $1 "*) ;; *) suspects="$suspects $1" ;; esac
    elif [ -z "$tgid" ] && alive "$1"; then
        suspects="$suspects $1"
    fi
}
number=0
while [ "$number" -lt "$last" ]; do
    number=$((number + 1))
    ask "$number"
done 2>/dev/null
perl_alive() { env -i PATH="$PATH" perl -e 'for ($ARGV[0] .. $ARGV[1]) { print "$_ " if kill(0, $_) || $! == 1 } print "all"' "$@"; }
python_alive() {
    env -i PATH="$PATH" python3 -I -S -c '
import os, sys
for number in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        continue
    except PermissionError:
        pass
    print(number, end=" ")
print("all")' "$@"
}
if [ "$forks" -ge "$most" ] && [ "$last" -lt "$most" ]; then
    above=
    for way in perl python; do
        above=$("${way}_alive" "$((last + 1))" "$most" 2>/dev/null)
        case $above in *all) break ;; esac
    done
    case $above in
        *all) for number in ${above%all}; do ask "$number"; done 2>/dev/null
            last=$most ;;
        *) read -r begun _ </proc/uptime && until=$((${begun%%.*} + 20))
            while [ "$number" -lt "$most" ]; do
                number=$((number + 1))
                ask "$number"
                [ "$((number % 1024))" = 0 ] || continue
                read -r now _ </proc/uptime && [ "${now%%.*}" -lt "$until" ] || break
            done 2>/dev/null
            last=$number ;;
    esac
fi
printf 'looked at 1 to %s of %s, found %s processes, listed' "$last" "$most" "$found"
printf ' %s' $before
echo
[ "$found" -gt 0 ] || { echo 'not looked: /proc shows no process at all' >&2; exit 127; }
[ -z "$suspects" ] || sleep 1
after=" $(listing) "
for number in $suspects; do
    if leader "$number"; then
        case $after in *" $number "*) ;; *) printf 'hidden: %s %s\n' "$number" "$name" ;; esac
    elif [ -z "$tgid" ] && alive "$number"; then
        printf 'masked: %s lives, and its status cannot be read\n' "$number"
    fi
done 2>/dev/null
