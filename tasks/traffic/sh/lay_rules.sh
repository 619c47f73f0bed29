# Arguments: IP version, two priorities, how many rules each has to have in the end. In $rules: what to add.
# With -force, what is there already is no hindrance; the counts tell whether all of it is.
printf %s "$rules" | ip -"$1" -force -batch - 2>/dev/null
count() { ip "$1" rule show pref "$2" </dev/null | wc -l; }
if [ "$(count -"$1" "$2")" != "$4" ] || [ "$(count -"$1" "$3")" != "$5" ]; then
    echo "ip -$1 rule: not all rules of priorities $2 and $3 are there" >&2
    exit 1
fi
