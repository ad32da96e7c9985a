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
threads.h           tests/support
malloc.h            infra/process
rdkafka             infra/log
re2/                schemas/regex
'
# What the C library and the kernel bring.
SYSTEM='^(arpa/inet|assert|ctype|dirent|errno|fcntl|float|ftw|getopt|grp|inttypes|limits|linux/[a-z0-9_]+|locale|math'
SYSTEM+='|net/if|netdb|netinet/(in|tcp)|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic'
SYSTEM+='|stdbool|stddef|stdint|stdio|stdlib|string|strings|sys/[a-z0-9_]+|syslog|termios|time|unistd|utime|wchar)\.h$'

# Rules of direction: files below the first may include files below these only. Into ALLOWED; a subshell for each
# include would take a minute on a busy machine.
directions() {
    case $1 in
    schemas/vocab/*) ALLOWED='schemas/vocab' ;;
    schemas/*) ALLOWED='schemas exo' ;;
    producer/core/*) ALLOWED='producer/core schemas' ;;
    scheduler/core/*) ALLOWED='scheduler/core schemas' ;;
    workers/core/*) ALLOWED='workers/core schemas' ;;
    infra/*) ALLOWED='infra schemas' ;;
    producer/*) ALLOWED='producer infra schemas' ;;
    scheduler/*) ALLOWED='scheduler infra schemas' ;;
    workers/*) ALLOWED='workers infra schemas' ;;
    *) ALLOWED='' ;;
    esac
}

# Into OWNER.
owner_of() {
    local prefix folder
    OWNER=""
    while read -r prefix folder; do
        [[ -n $prefix && $1 == "$prefix"* ]] && OWNER=$folder && return
    done <<<"$OWNERS"
    return 0
}

check_angle() {
    local file=$1 header=$2
    owner_of "$header"
    if [[ -n $OWNER ]]; then
        # A limit is measured without what is ours.
        [[ $file == "$OWNER"/* || $file == tests/bench/kafka_bench.c && $OWNER == infra/log ]] ||
            wrong "$file: <$header> belongs to $OWNER alone"
    elif [[ ! $header =~ $SYSTEM && ! ($file == *.cc && $header =~ ^[a-z]+$) ]]; then
        wrong "$file: <$header> has no owner; name its one folder in tests/layout/includes.sh"
    fi
}

check_quoted() {
    local file=$1 header=$2 folder
    directions "$file"
    [[ $header != *..* ]] || wrong "$file: \"$header\" climbs; write the path from the root"
    if [[ ! -e $ROOT/$header && ! -e $ROOT/${header%.h}.proto && $header != exo/v1/* &&
        ! -e $ROOT/${header%_text.h}.sql && $header != schemas/sql/* ]]; then
        wrong "$file: \"$header\" is no path from the root"
    fi
    [[ -n $ALLOWED ]] || return 0
    for folder in $ALLOWED; do
        [[ $header == "$folder"/* ]] && return 0
    done
    wrong "$file: \"$header\" points the wrong way; this folder may include: $ALLOWED"
}

# The first include of x.c is x.h: then x.h is known to need nothing before it.
check_first() {
    local file=$1 first=$2 own=${1%.c*}.h
    [[ $file == *.c* && -e $ROOT/$own ]] || return 0
    [[ $first == "\"$own\"" ]] || wrong "$file: the first include is $first, not \"$own\""
}

LAST=""
while IFS=: read -r file include; do
    [[ $file == "$LAST" ]] || { LAST=$file && check_first "$file" "$include"; }
    case $include in
    \<*) check_angle "$file" "${include:1:-1}" ;;
    \"*) check_quoted "$file" "${include:1:-1}" ;;
    esac
done < <(sources c h cc | xargs -r grep -HoE '^ *# *include *[<"][^">]*[">]' | sed 's/: *# *include */:/')
finish "includes point one way (docs/architecture.md)"
