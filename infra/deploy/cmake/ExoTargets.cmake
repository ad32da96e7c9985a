# How every library and test of the project is declared: one line each, the same flags for all.
include(FindPkgConfig)

add_library(exo_warnings INTERFACE)
target_compile_options(exo_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wvla -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual)
target_compile_definitions(exo_warnings INTERFACE _GNU_SOURCE EXO_VERSION="${PROJECT_VERSION}")

# exo_package(NAME pkg-config-module...) finds a system library once and names it pkg::NAME.
macro(exo_package name)
    if(NOT TARGET PkgConfig::${name})
        pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
    endif()
endmacro()

# exo_library(NAME SOURCES a.c b.c [DEPS exo_x ...] [PRIVATE_DEPS PkgConfig::X ...])
# DEPS are libraries whose headers stand in this one's headers or sources; PRIVATE_DEPS are third-party.
function(exo_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE exo_warnings ${ARG_PRIVATE_DEPS})
endfunction()

# exo_test(NAME LABEL label SOURCES a_test.c [DEPS ...] [TIMEOUT seconds]) declares one test program.
function(exo_test name)
    cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    exo_package(CMOCKA cmocka)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE exo_warnings ${ARG_DEPS} PkgConfig::CMOCKA)
    add_test(NAME ${ARG_LABEL}.${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    exo_test_manners(${ARG_LABEL}.${name} PROGRAM ${name} LABEL ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# exo_test_manners(TEST PROGRAM target LABEL label TIMEOUT seconds) says how a test is run that was declared otherwise.
# Those that tests/CMakeLists.txt names in EXO_THREAD_TESTS are labelled "threads" too, and built by thread_tests.
function(exo_test_manners test)
    cmake_parse_arguments(ARG "" "PROGRAM;LABEL;TIMEOUT" "" ${ARGN})
    if(test IN_LIST EXO_THREAD_TESTS)
        list(APPEND ARG_LABEL threads)
        set_property(GLOBAL APPEND PROPERTY EXO_THREAD_PROGRAMS ${ARG_PROGRAM})
        set_property(GLOBAL APPEND PROPERTY EXO_THREAD_TESTS_FOUND ${test})
    endif()
    # ThreadSanitizer makes a program ten times slower, and gives up where a test with threads forks a process to kill.
    # It crashes in threads of C11, which librdkafka's are: there they are made of those it knows.
    if(CMAKE_C_FLAGS MATCHES "-fsanitize=thread")
        math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
        set_tests_properties(${test} PROPERTIES ENVIRONMENT
            "TSAN_OPTIONS=die_after_fork=0 suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp")
        get_target_property(sources ${ARG_PROGRAM} SOURCES)
        if(NOT sources MATCHES c11_threads.c)
            target_sources(${ARG_PROGRAM} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/c11_threads.c)
        endif()
    endif()
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# exo_fuzz(NAME SOURCES a_fuzz.c [DEPS ...]) declares one libFuzzer target; its corpus is tests/fuzz/corpus/NAME.
function(exo_fuzz name)
    if(NOT EXO_FUZZ)
        return()
    endif()
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE exo_warnings ${ARG_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_property(GLOBAL APPEND PROPERTY EXO_FUZZ_TARGETS ${name})
endfunction()
