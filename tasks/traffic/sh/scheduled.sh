# Arguments: what to do (look, record), the scheduled undo's name, the block's owner. In $shows: what prints the block as
# it stands, if anything does. `record` keeps the checksum of that; `look` prints none, the change that made the block,
# `changed` and that change where another hand was there since, `unmarked`, or `another owner's`.
file=/run/stopgap/$2
sum() { [ -z "$shows" ] || sh -c "$shows" 2>/dev/null | sha256sum | cut -c 1-12; }
work() {
    [ -e "$file.due" ] || { echo none; return; }
    { read -r owner change kept <"$file.by"; } 2>/dev/null || { echo unmarked; return; }
    [ "$owner" = "$2" ] || { echo "another owner's"; return; }
    case $1 in
        record) echo "$owner $change $(sum)" >"$file.by" ;;
        look) if [ -z "$kept" ] || [ "$kept" = "$(sum)" ]; then echo "$change"; else echo "changed $change"; fi ;;
    esac
}
work "$1" "$3" </dev/null
