# Prints one line an entry, as a TSK 3 body file has it, times with nanoseconds where stat(1) gives them:
#     0|name -> target|inode|mode|uid|gid|size|atime|mtime|ctime|crtime
# In a name, `\` and `|` stand behind a `\`, and control characters are `\xNN`.
# Where stat prints names as they are (GNU's, asked to), that is all. Others quote links, or every name, or replace bytes
# that are no UTF-8: there the shell prints each name before, and a target that stat quotes is asked of readlink(1). What
# a stat does shows in what it prints of /proc. A mark that no name can know begins each part, since names hold newlines.
each() { { "$@" 2>&1 >&5 5>&- | lost; } 5>&1; }
walk() {
    needs find stat awk cat readlink || return
    mark=$(cat /proc/sys/kernel/random/uuid)
    times='%X %Y %Z' born=%W
    case $(stat -c %.9X / 2>/dev/null) in *[!0-9.]*) ;; *.?????????) times='%.9X %.9Y %.9Z' born=%.9W ;; esac
    case $(stat -c "$born" / 2>/dev/null) in ''|*[!0-9.]*) born=0 ;; esac
    entry="$mark %i %A %u %g %s $times $born"
    case $(QUOTING_STYLE=literal stat -c %N /proc/self/cwd 2>&1) in
        '/proc/self/cwd -> /'*) QUOTING_STYLE=literal each find "$@" -exec stat -c "$entry %N" -- {} + ;;
        *)
            each find "$@" -exec sh -c '
                mark=$1 entry=$2
                shift 2
                for name; do printf "%s=%s\n" "$mark" "$name"; done
                stat -c "$entry" -- "$@"' sh "$mark" "$entry %n$nl$mark>%N" {} + ;;
    esac | awk -v mark="$mark" '
        function with(text, from, to,    at, done) {
            done = ""
            while (at = index(text, from)) {
                done = done substr(text, 1, at - 1) to
                text = substr(text, at + length(from))
            }
            return done text
        }
        # Whether a stat that puts U+FFFD for what is no UTF-8 may have printed this name so.
        function printed_as(name, printed,    parts, part, i, at) {
            if (name == printed) return 1
            parts = split(printed, part, "\357\277\275")
            if (parts < 2 || index(name, part[1]) != 1) return 0
            for (i = 1; i <= parts; i++) {
                at = index(name, part[i])
                if (part[i] != "" && !at) return 0
                if (at) name = substr(name, at + length(part[i]))
            }
            return 1
        }
        function read_link(path,    command, line, found) {
            command = "readlink -- \047" with(path, "\047", "\047\\\047\047") "\047 && echo"
            found = ""
            while ((command | getline line) > 0) found = found line "\n"
            close(command)
            return substr(found, 1, length(found) - 2)
        }
        # Stat quotes a target at least; between single quotes that hold none it stands as it is.
        function target(name,    rest) {
            rest = ""
            if (index(shown, "\047" name "\047 -> \047") == 1) rest = substr(shown, length(name) + 8)
            else if (index(shown, name " -> \047") == 1) rest = substr(shown, length(name) + 6)
            if (index(rest, "\047") != length(rest) || rest == "" || index(rest, "\357\277\275")) return read_link(name)
            return substr(rest, 1, length(rest) - 1)
        }
        function flush(    i, text) {
            if (head == "") return
            text = name
            while (first < last) if (printed_as(names[++first], name)) { text = names[first]; break }
            if (head ~ /^[^|]*[|]l/ && shown != "") text = text " -> " target(text)
            text = with(with(text, "\\", "\\\\"), "|", "\\|")
            if (text ~ /[\001-\037\177]/) {
                for (i = 1; i < 32; i++) text = with(text, sprintf("%c", i), sprintf("\\x%02x", i))
                text = with(text, "\177", "\\x7f")
            }
            print "0|" text "|" head
            head = shown = ""
        }
        index($0, mark "=") == 1 {
            if (part != "=") { flush(); first = last = 0 }
            names[++last] = substr($0, length(mark) + 2)
            part = "="
            next
        }
        index($0, mark " ") == 1 {
            flush()
            line = substr($0, length(mark) + 2)
            match(line, /^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /)
            head = with(substr(line, 1, RLENGTH - 1), " ", "|")
            name = substr(line, RLENGTH + 1)
            part = " "
            next
        }
        index($0, mark ">") == 1 { shown = substr($0, length(mark) + 2); part = ">"; next }
        part == "=" { names[last] = names[last] "\n" $0 }
        part == " " { name = name "\n" $0 }
        part == ">" { shown = shown "\n" $0 }
        END { flush() }
    ' || s=$?
}
