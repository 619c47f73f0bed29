# Prints the commands that files start whose contents are withheld for the secrets in them: the program, paths, and names
# of shells and fetchers; every other word is a `*`, and so is whatever assigns a value. Nothing else of a file leaves.
needs awk || exit 127
for file; do
    [ -f "$file" ] && [ -r "$file" ] || continue
    case $file in *"$nl"*) continue ;; esac
    awk '
        function told(key, text, begun, words, count, i, word, out) {
            gsub(/["\047,{}()]|\[|\]/, " ", text)
            count = split(text, words, /[ \t]+/)
            for (i = 1; i <= count && i <= 64; i++) {
                word = words[i]
                if (word == "") continue
                if (word ~ /=/ || word ~ /:\/\// || length(word) > 400) word = "*"
                else if (word ~ /^(~|\$HOME)\// || word ~ path || word ~ plain) begun = 1
                else if (!begun && word ~ /^[A-Za-z0-9._+-]+$/ && length(word) <= 64) begun = 1
                else word = "*"
                out = out " " word
            }
            if (out != "") print FILENAME ":" FNR ":" key out
        }
        BEGIN {
            plain = "^(\\||&&?|;|-c|-e|ba?sh|dash|zsh|sh|curl|wget|nc|ncat|socat|python[0-9.]*|perl|php|ruby|node|base64|-d|nohup|setsid|env|exec|sudo)$"
            path = "^/(home|root|usr|opt|etc|var|tmp|srv|dev|bin|sbin|lib[0-9]*|mnt|run|snap|nix|data)/"
            value = "^[ \t]*-?[ \t]*\"?(command|cmd-path|credential_process|passwordeval|remotepasseval|pythonfile|presynchook|postsynchook|gpg_command|pager|plugin[-_]dir|init[-_]command|Pre[Uu]p|Post[Uu]p|Pre[Dd]own|Post[Dd]own)\"?[ \t]*[:= \t][ \t]*"
            word = "^[ \t]*(up|down|route-up|ipchange|plugin|tls-verify|auth-user-pass-verify|client-connect|client-disconnect|learn-address|preconnect|postconnect|mda)[ \t]+"
        }
        /^[ \t]*[#;]/ { next }
        FILENAME ~ /\/cli\/alias$/ { if (match($0, /=[ \t]*!/)) told("alias", substr($0, RSTART + RLENGTH)); next }
        FILENAME ~ /\.(ovpn|conf)$|fetchmailrc$/ && match($0, word) {
            key = $1; told(key, substr($0, RLENGTH + 1)); next
        }
        match($0, value) {
            key = substr($0, 1, RLENGTH); gsub(/[^A-Za-z_-]/, "", key); sub(/^-/, "", key)
            told(key, substr($0, RLENGTH + 1)); args = FILENAME ~ /kube/ ? 8 : 0; next
        }
        FILENAME ~ /kube/ {
            rest = $0
            while (match(rest, /"(command|cmd-path)"[ \t]*:[ \t]*"[^"]*"/)) {
                part = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
                sub(/^"[^"]*"[ \t]*:/, "", part); told("command", part)
            }
            if ($0 !~ /^[ \t]*(-|args:)/) args = 0
            if (args-- > 0 && sub(/^[ \t]*-[ \t]/, "")) told("args -", $0, 1)
        }
    ' "$file" || s=$?
done
