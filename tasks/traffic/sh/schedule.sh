# Arguments: the undo's name, when it is due (`+SECONDS`, or seconds since 1970), the block's owner, the change that made
# it, and the checksum of what it made, where that is known. In $undo: what the undo does.
# Its script and its moment lie in /run, as a reboot takes the clockwork with it.
umask 077
folder=/run/stopgap
mkdir -p $folder || exit
[ -O $folder ] || { echo "$folder belongs to another account" >&2; exit 1; }
file=$folder/$1
if [ -d /run/systemd/system ]; then systemctl --quiet stop "$1.timer"
elif read -r before <"$file.pid"; then kill -- "-$before"
fi 2>/dev/null
now=$(date +%s)
case $2 in
    +*) due=$((now + ${2#+})) ;;
    *) due=$2 ;;
esac
left=$((due > now ? due - now : 1))
files="$file.sh $file.due $file.by $file.pid"
printf '{ %s\n} </dev/null && rm -f %s\n' "$undo" "$files" >"$file.sh" || exit
echo "$3 $4 $5" >"$file.by" && echo "$due" >"$file.due" || exit
if [ -d /run/systemd/system ]; then
    systemctl reset-failed "$1.service" 2>/dev/null
    exec systemd-run --quiet --collect --unit="$1" --description="Stopgap lifts the block $1" \
        --on-active="$left" --timer-property=AccuracySec=100ms sh "$file.sh" </dev/null
fi
# setsid(1) keeps its process here, which leads no group before: it is to be seen as soon as this ends.
setsid sh -c 'sleep "$0"; exec sh "$1.sh"' "$left" "$file" </dev/null >/dev/null 2>&1 &
echo $! >"$file.pid"
