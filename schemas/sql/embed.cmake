# Turns NNNN_*.sql of a folder into one C file: cmake -DFOLDER=... -DNAME=sqlite -DOUT=x.c -P embed.cmake
#
# From number 8 on the first line of a migration says which programs may go on beside it (docs/operations.md, "Upgrades"):
#     -- oldest: 7        those that know schema 7 or newer
# What stands behind a line "-- beside" is one statement that Postgres takes outside a transaction only, such as CREATE INDEX CONCURRENTLY.
macro(array name hex)
    string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${lines}")
    string(APPEND arrays "static const char text_${name}[] = {\n${bytes}0};\n")
endmacro()

file(GLOB files ${FOLDER}/*.sql)
list(SORT files)
set(arrays "")
set(table "")
set(expected 0)
foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME)
    if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+\\.sql$")
        message(FATAL_ERROR "${file}: a migration is named NNNN_what.sql")
    endif()
    math(EXPR version "1${CMAKE_MATCH_1} - 10000")
    math(EXPR expected "${expected} + 1")
    if(NOT version EQUAL expected)
        message(FATAL_ERROR "${file}: the next migration of ${NAME} has number ${expected}")
    endif()
    file(STRINGS ${file} first LIMIT_COUNT 1)
    if(first MATCHES "^-- oldest: ([0-9]+)$")
        set(oldest ${CMAKE_MATCH_1})
    elseif(version LESS 8)
        set(oldest ${version})
    else()
        message(FATAL_ERROR "${file}: its first line says which programs may work with it, such as "
            "\"-- oldest: 7\" for those that know schema 7 or newer")
    endif()
    if(oldest GREATER version)
        message(FATAL_ERROR "${file}: oldest is at most its own number, ${version}")
    endif()
    file(READ ${file} hex HEX)
    string(FIND "${hex}" "0a2d2d206265736964650a" at) # "\n-- beside\n"
    set(beside NULL)
    if(NOT at EQUAL -1)
        if(NAME STREQUAL "sqlite")
            message(FATAL_ERROR "${file}: SQLite knows nothing that cannot be in a transaction")
        endif()
        math(EXPR behind "${at} + 22")
        string(SUBSTRING "${hex}" ${behind} -1 rest)
        string(SUBSTRING "${hex}" 0 ${at} hex)
        array(${version}_beside "${rest}")
        set(beside text_${version}_beside)
    endif()
    array(${version} "${hex}")
    string(APPEND table "    {${version}, ${oldest}, text_${version}, ${beside}},\n")
endforeach()
file(WRITE ${OUT} "/* Made by schemas/sql/embed.cmake: do not edit. */
#include <stddef.h>

#include \"schemas/sql/migrations.h\"

${arrays}
const struct sql_migration sql_${NAME}_migrations[] = {
${table}};
const uint32_t sql_${NAME}_migration_count = ${expected};
")
