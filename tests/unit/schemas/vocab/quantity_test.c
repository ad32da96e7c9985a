#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/quantity.h"

/* clang-format off */
static void reads_durations(void **state)
{
    static const struct { const char *text; exo_time ns; const char *written; } table[] = {
        {"0s", 0, "0s"}, {"1h30m", 90 * EXO_MINUTE, "1h30m"}, {"1.5s", 1500 * EXO_MILLISECOND, "1s500ms"}, {"250ms", 250 * EXO_MILLISECOND, "250ms"},
        {"10m", 10 * EXO_MINUTE, "10m"}, {"90m", 90 * EXO_MINUTE, "1h30m"}, {"1h0m1s", EXO_HOUR + EXO_SECOND, "1h1s"}, {"0.5h", 30 * EXO_MINUTE, "30m"},
        {"1m0.25s", EXO_MINUTE + 250 * EXO_MILLISECOND, "1m250ms"}, {"0.000001ms", 1, "0s"}, {"1h2m3s4ms", EXO_HOUR + 2 * EXO_MINUTE + 3 * EXO_SECOND + 4 * EXO_MILLISECOND, "1h2m3s4ms"},
        {"876000h", 876000 * EXO_HOUR, "876000h"},
    };
    static const char *const refused[] = {"", "1", "h", "1x", "1s1h", "1s1s", "1.5h30m", "-1s", "+1s", " 1s", "1s ", "1 s", "1.s", ".5s", "1..5s", "1h30", "876001h", "876000h1ms",
                                          "99999999999999999999s", "0.0000000001s", "1.5ns", "1d", "1H"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[DURATION_TEXT_BYTES];
        exo_time ns = -7;

        assert_true(duration_parse(span_of(table[i].text), &ns));
        assert_int_equal(ns, table[i].ns);
        duration_format(ns, text);
        assert_string_equal(text, table[i].written);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        exo_time ns = -7;

        if (duration_parse(span_of(refused[i]), &ns) || ns != -7) {
            fail_msg("took %s", refused[i]);
        }
        assert_int_equal(duration_is_too_long(span_of(refused[i])), strncmp(refused[i], "876", 3) == 0);
    }
    assert_true(duration_is_too_long(span_of("99999999h1m")));
    assert_true(duration_is_too_long(span_of("876000h0.5s")));
    assert_false(duration_is_too_long(span_of("99999999h1x")));
    assert_false(duration_is_too_long(span_of("876000h")));
}

static void reads_cpus(void **state)
{
    static const struct { const char *text; uint32_t millis; } table[] = {
        {"1", 1000}, {"2", 2000}, {"0.5", 500}, {"500m", 500}, {"1m", 1}, {"0.001", 1}, {"1.25", 1250}, {"1000", 1000000}, {"1000000m", 1000000}, {"1500m", 1500},
    };
    static const char *const refused[] = {"", "0", "0m", "m", "0.0001", "0.5m", "1000.001", "1001", "1000001m", "-1", "1 ", "1mm", "1k", "1.", ".5", "1e3", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint32_t millis = 77;

        assert_true(cpu_parse(span_of(table[i].text), &millis));
        assert_int_equal(millis, table[i].millis);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint32_t millis = 77;

        if (cpu_parse(span_of(refused[i]), &millis) || millis != 77) {
            fail_msg("took %s", refused[i]);
        }
    }
}

static void reads_memory(void **state)
{
    static const struct { const char *text; uint64_t bytes; } table[] = {
        {"1", 1}, {"128Mi", 128ull << 20}, {"1Gi", 1ull << 30}, {"1k", 1000}, {"2M", 2000000}, {"3G", 3000000000}, {"1T", 1000000000000}, {"1Ki", 1024}, {"1.5Gi", 3ull << 29},
        {"0.5Ki", 512}, {"1024Ti", 1ull << 50}, {"1125899906842624", 1ull << 50}, {"0.001k", 1},
    };
    static const char *const refused[] = {"", "0", "0Mi", "Mi", "1.5", "0.3Ki", "1025Ti", "1125899906842625", "-1", "1 Mi", "1mi", "1MiB", "1K", "1P", "1e3", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint64_t bytes = 77;

        assert_true(memory_parse(span_of(table[i].text), &bytes));
        assert_int_equal(bytes, table[i].bytes);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint64_t bytes = 77;

        if (memory_parse(span_of(refused[i]), &bytes) || bytes != 77) {
            fail_msg("took %s", refused[i]);
        }
    }
}
/* clang-format on */

static void writes_what_it_reads_back(void **state)
{
    (void)state;
    for (exo_time ms = 0; ms < 400 * 86400000ll; ms = ms * 3 + 7) {
        char text[DURATION_TEXT_BYTES];
        exo_time ns = -1;

        duration_format(ms * EXO_MILLISECOND, text);
        assert_true(duration_parse(span_of(text), &ns));
        assert_int_equal(ns, ms * EXO_MILLISECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_cpus),
        cmocka_unit_test(reads_memory),
        cmocka_unit_test(writes_what_it_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
