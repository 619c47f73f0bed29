# Describes each container of the Docker daemon where it runs: to ask its socket otherwise would start it.
missing=0
if [ -e /run/docker.pid ]; then
    for command in 'docker info' 'docker image ls --all --no-trunc' 'docker network ls' 'docker volume ls'; do
        run "$command"
    done
    for container in $(docker ps --all --quiet --no-trunc); do
        case $container in *[!0-9a-f]*) continue ;; esac
        run "docker inspect $container"
        run "docker top $container"
        run "docker diff $container"
        run "docker logs --timestamps --tail 5000 $container"
    done
else
    echo 'no Docker daemon runs' >&2
fi
