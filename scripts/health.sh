#!/bin/bash
# Exits with 0 if the gateway answers 200 at the path $1 (default /healthz) on this machine's PORT. Uses only bash,
# because starting Node costs fifty times as much.
exec 2> /dev/null 3<> "/dev/tcp/127.0.0.1/${PORT:-8080}" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${1:-/healthz}" >&3
IFS=' ' read -r _ status _ <&3
[ "$status" = 200 ]
