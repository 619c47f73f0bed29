# Prints one line an entry, as a TSK 3 body file has it, times with nanoseconds where stat(1) gives them:
#     0|name -> target|inode|mode|uid|gid|size|atime|mtime|ctime|crtime
# In a name, `\` and `|` stand behind a `\`, and control characters are `\xNN`.
# stat of busybox puts the names of links, and theirs alone, between quotes.
# A mark that no name can know tells where an entry begins, since names hold newlines.
walk() {
    needs find stat awk cat || return
    mark=$(cat /proc/sys/kernel/random/uuid)
    quote=
    case $(stat --version 2>/dev/null) in
        *coreutils*) format="$mark %i %A %u %g %s %.9X %.9Y %.9Z %.9W %N" ;;
        *) format="$mark %i %A %u %g %s %X %Y %Z 0 %N" quote="'" ;;
    esac
    QUOTING_STYLE=literal find "$@" -exec stat -c "$format" -- {} + | awk -v mark="$mark" -v quote="$quote" '
        function with(text, from, to,    at, done) {
            done = ""
            while (at = index(text, from)) {
                done = done substr(text, 1, at - 1) to
                text = substr(text, at + 1)
            }
            return done text
        }
        function flush(    i) {
            if (head == "") return
            if (quote != "" && head ~ /^[^|]*[|]l/) {
                name = substr(name, 2, length(name) - 2)
                i = index(name, quote " -> " quote)
                if (i) name = substr(name, 1, i - 1) " -> " substr(name, i + 6)
            }
            name = with(with(name, "\\", "\\\\"), "|", "\\|")
            if (name ~ /[\001-\037\177]/) {
                for (i = 1; i < 32; i++) name = with(name, sprintf("%c", i), sprintf("\\x%02x", i))
                name = with(name, "\177", "\\x7f")
            }
            print "0|" name "|" head
        }
        index($0, mark " ") == 1 {
            flush()
            line = substr($0, length(mark) + 2)
            match(line, /^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /)
            head = with(substr(line, 1, RLENGTH - 1), " ", "|")
            name = substr(line, RLENGTH + 1)
            next
        }
        { name = name "\n" $0 }
        END { flush() }
    ' || s=$?
}
