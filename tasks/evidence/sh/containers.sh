# Asks the Docker daemon only where it runs: to ask its socket otherwise would start it.
missing=0
if [ -e /run/docker.pid ]; then run 'docker ps --all --no-trunc'; fi
