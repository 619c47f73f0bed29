# Argument: the scheduled undo's name.
file=/run/stopgap/$1
if [ -d /run/systemd/system ]; then systemctl --quiet stop "$1.timer"
elif read -r before <"$file.pid"; then kill -- "-$before"
fi 2>/dev/null
rm -f "$file.sh" "$file.due" "$file.by" "$file.pid"
