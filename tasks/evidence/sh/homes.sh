# Sets $places to the home directories that passwd(5) names, and those below /home that it does not.
places=$(
    IFS=$nl seen=$nl
    for home in $(
        IFS=:
        [ ! -f /etc/passwd ] || while read -r _ _ _ _ _ home _; do printf '%s\n' "$home"; done </etc/passwd
        printf '%s\n' /root /home/*
    ); do
        case $home in /?*) ;; *) continue ;; esac
        case $seen in *"$nl$home$nl"*) continue ;; esac
        seen=$seen$home$nl
        if present "$home" && [ -d "$home" ]; then printf '%s\n' "$home"; fi
    done
)
