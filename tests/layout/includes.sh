#!/usr/bin/env bash
# Includes point one way, and a third-party header stands in one folder only.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# header (a prefix) and the one folder that may include it
OWNERS='
uv.h                infra/loop
microhttpd.h        infra/http
curl/               infra/http
archive             infra/archive
openssl/            infra/crypto
librdkafka/         infra/log
sqlite3.h           infra/sqlite
libpq-fe.h          infra/store
libpq/              infra/store
hiredis/            infra/cache
yaml.h              infra/yaml
protobuf-c/         schemas/wire
exo/v1/             schemas/wire
zstd.h              infra/zstd
seccomp.h           workers/sandbox
sys/capability.h    workers/sandbox
wslay/              producer/http
cmocka.h            tests
rdkafka             infra/log
re2/                schemas/regex
'
# What the C library and the kernel bring.
SYSTEM='^(arpa/inet|assert|ctype|dirent|errno|fcntl|float|ftw|getopt|grp|inttypes|limits|linux/[a-z0-9_]+|locale|math'
SYSTEM+='|net/if|netdb|netinet/(in|tcp)|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic'
SYSTEM+='|stdbool|stddef|stdint|stdio|stdlib|string|strings|sys/[a-z0-9_]+|syslog|termios|time|unistd|utime|wchar)\.h$'

# Rules of direction: files below the first may include files below these only.
directions() {
    case $1 in
    schemas/vocab/*) printf 'schemas/vocab' ;;
    schemas/*) printf 'schemas exo' ;;
    producer/core/*) printf 'producer/core schemas' ;;
    scheduler/core/*) printf 'scheduler/core schemas' ;;
    workers/core/*) printf 'workers/core schemas' ;;
    infra/*) printf 'infra schemas' ;;
    producer/*) printf 'producer infra schemas' ;;
    scheduler/*) printf 'scheduler infra schemas' ;;
    workers/*) printf 'workers infra schemas' ;;
    *) printf '' ;;
    esac
}

owner_of() {
    local prefix folder
    while read -r prefix folder; do
        [[ -n $prefix && $1 == "$prefix"* ]] && printf '%s' "$folder" && return
    done <<<"$OWNERS"
    return 0
}

check_angle() {
    local file=$1 header=$2 owner
    owner=$(owner_of "$header")
    if [[ -n $owner ]]; then
        [[ $file == "$owner"/* ]] || wrong "$file: <$header> belongs to $owner alone"
    elif [[ ! $header =~ $SYSTEM && ! ($file == *.cc && $header =~ ^[a-z]+$) ]]; then
        wrong "$file: <$header> has no owner; name its one folder in tests/layout/includes.sh"
    fi
}

check_quoted() {
    local file=$1 header=$2 folder
    local allowed
    allowed=$(directions "$file")
    [[ $header != *..* ]] || wrong "$file: \"$header\" climbs; write the path from the root"
    if [[ ! -e $ROOT/$header && ! -e $ROOT/${header%.h}.proto && $header != exo/v1/* &&
        ! -e $ROOT/${header%_text.h}.sql && $header != schemas/sql/* ]]; then
        wrong "$file: \"$header\" is no path from the root"
    fi
    [[ -n $allowed ]] || return 0
    for folder in $allowed; do
        [[ $header == "$folder"/* ]] && return 0
    done
    wrong "$file: \"$header\" points the wrong way; this folder may include: $allowed"
}

# The first include of x.c is x.h: then x.h is known to need nothing before it.
check_first() {
    local file=$1 first=$2 own=${1%.c*}.h
    [[ $file == *.c* && -e $ROOT/$own ]] || return 0
    [[ $first == "\"$own\"" ]] || wrong "$file: the first include is $first, not \"$own\""
}

while IFS= read -r file; do
    first=""
    while IFS= read -r include; do
        [[ -n $first ]] || { first=$include && check_first "$file" "$first"; }
        case $include in
        \<*) check_angle "$file" "${include:1:-1}" ;;
        \"*) check_quoted "$file" "${include:1:-1}" ;;
        esac
    done < <(sed -n 's/^ *# *include *\([<"][^">]*[">]\).*/\1/p' "$file")
done < <(sources c h cc)
finish "includes point one way (docs/architecture.md)"
