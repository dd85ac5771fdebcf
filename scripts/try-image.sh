#!/bin/bash
# Builds the image and tests it with a Docker engine: start, health, sign-up, webhook, command, memory, size. The engine
# must have the base image or reach its registry. Arguments such as --network=host are passed to `docker build`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tag=claimgate-try
volume=claimgate-try-data
name=claimgate-try
port=18080
clean() {
  docker rm -f "$name" > /dev/null 2>&1 || true
  docker volume rm "$volume" > /dev/null 2>&1 || true
}
trap clean EXIT
clean
docker build -t "$tag" "$@" .
docker image inspect -f 'size: {{.Size}} bytes' "$tag"
docker run -d --name "$name" --network=host --read-only --memory=512m --cap-drop=ALL -e HOST=127.0.0.1 -e PORT=$port \
  -v "$volume:/data" "$tag" > /dev/null
for _ in $(seq 60); do
  docker exec "$name" claimgate-health /readyz && break
  sleep 1
done
docker exec "$name" claimgate-health /healthz
curl -fsS -H 'Content-Type: application/json' \
  -d '{"username": "test123", "password": "correct horse", "confirmPassword": "correct horse"}' \
  "http://127.0.0.1:$port/signup" > /dev/null
[ "$(curl -fsS "http://127.0.0.1:$port/webhook")" = '{"X-Hasura-Role":"anonymous"}' ]
docker exec "$name" sh -c 'grep VmHWM /proc/1/status'
docker stop "$name" > /dev/null
[ "$(docker inspect -f '{{.State.ExitCode}}' "$name")" = 0 ]
docker run --rm --network=none -v "$volume:/data" "$tag" role create editor
docker run --rm --network=none -v "$volume:/data" "$tag" role grant test123 editor
docker run --rm --network=none -v "$volume:/data" "$tag" claims preview test123 | grep editor
echo 'The image was built and tested.'
