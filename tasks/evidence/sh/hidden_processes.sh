# Looks for processes that the listing of /proc leaves out: asks for every number up to what was ever given out,
# by opening its status, and by signal 0 where that fails. What was missing is looked at again a second later.
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
last=$most
[ "$forks" -ge "$most" ] || read -r _ _ _ _ last </proc/loadavg
last=$((last + 1000))
[ "$last" -lt "$most" ] || last=$most
number=0
while [ "$number" -lt "$last" ]; do
    number=$((number + 1))
    if leader "$number"; then
        found=$((found + 1))
        case $before in *" $number "*) ;; *) suspects="$suspects $number" ;; esac
    elif [ -z "$tgid" ] && alive "$number"; then
        suspects="$suspects $number"
    fi
done 2>/dev/null
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
