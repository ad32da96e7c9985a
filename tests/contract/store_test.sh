#!/bin/sh
# Runs the store's stories on Postgres: on EXOSPHERE_POSTGRES_URL when it is set (its schema "public" is
# emptied!), else on a private server in a temporary directory, reached by a Unix socket only.
# store_test.sh PROGRAM [STORY]. Exit 77: no Postgres on this machine (with CI=true that is a failure).
set -eu
program=$1
shift

if [ -z "${EXOSPHERE_POSTGRES_URL:-}" ]; then
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$bin" ] && command -v initdb >/dev/null; then
        bin=$(dirname "$(command -v initdb)")
    fi
    if [ -z "$bin" ]; then
        echo "SKIP store on postgres: no server here (apt install postgresql)"
        [ "${CI:-}" = true ] && exit 1
        exit 77
    fi
    dir=$(mktemp -d /tmp/exo_postgres_XXXXXX)
    as() { "$@"; }
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$dir"
        as() { runuser -u postgres -- "$@"; }
    fi
    trap 'as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
    trap 'exit 1' INT TERM
    (cd "$dir" && as "$bin/initdb" -D "$dir/data" -U exosphere -A trust -E UTF8 --no-locale --no-sync >/dev/null)
    (cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 300 \
        -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off" start >/dev/null)
    EXOSPHERE_POSTGRES_URL="postgresql:///postgres?host=$dir&user=exosphere"
    EXO_TEST_POSTGRES_SOCKET=$dir/.s.PGSQL.5432
    export EXOSPHERE_POSTGRES_URL EXO_TEST_POSTGRES_SOCKET
fi
"$program" postgres "$@"
