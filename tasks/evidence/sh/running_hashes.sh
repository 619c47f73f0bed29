# Prints the MD5 and SHA-256 of each program that runs, once for each file, read through /proc, deleted ones too.
needs readlink stat md5sum sha256sum || exit 127
seen=' '
set -- $(stat -L -c '%d:%i %n' /proc/[0-9]*/exe 2>/dev/null)
while [ $# -ge 2 ]; do
    file=$1 program=$2
    shift 2
    case $seen in *" $file "*) continue ;; esac
    path=$(readlink "$program" 2>/dev/null) || continue
    md5=$(md5sum <"$program" 2>/dev/null) || continue
    sha256=$(sha256sum <"$program" 2>/dev/null) || continue
    seen="$seen$file "
    case $path in *"$nl"*) path=$(printf '%s' "$path" | tr '\n' '?') ;; esac
    printf '%s:%s %s %s\n' "$program" "${md5%% *}" "${sha256%% *}" "$path"
done
