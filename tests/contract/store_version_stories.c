/* What is stored under a name: numbers, hiding, conflicts, reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "infra/store/project_gather.h"
#include "infra/store/store_versions.h"
#include "tests/contract/store_stories.h"
#include "tests/contract/store_trial.h"

enum { RACERS = 20, ROWS_MAX = 50 };

/* The last answer of a put, and of a read. */
struct answer {
    struct trial *t;
    bool is_done;
    uint32_t number;
    bool is_new;
    enum exo_error_code code;
    char error[512];
    struct store_version rows[ROWS_MAX];
    uint32_t count;
};

static void on_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    struct answer *answer = argument;

    answer->is_done = true;
    answer->number = number;
    answer->is_new = is_new;
    answer->code = err == NULL ? EXO_OK : err->code;
    (void)snprintf(answer->error, sizeof(answer->error), "%s", err == NULL ? "" : err->text);
}

static const char *kept(struct trial *t, const char *text)
{
    return arena_copy(&t->arena, span_of(text)).data;
}

static void on_read(void *argument, const struct store_version *versions, uint32_t count,
                    const struct exo_error *err)
{
    struct answer *answer = argument;

    assert_null(err);
    assert_true(count <= ROWS_MAX);
    answer->is_done = true;
    answer->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct store_version *row = &answer->rows[i];

        *row = versions[i];
        row->project = kept(answer->t, row->project);
        row->name = kept(answer->t, row->name);
        row->actor = kept(answer->t, row->actor);
        row->message = kept(answer->t, row->message);
        row->text = arena_copy(&answer->t->arena, row->text);
    }
}

/* A text of one letter has it as its digest. */
static struct store_version_put put_of(const char *name, const char *text, int64_t expected)
{
    struct store_version_put put = {.kind = VERSION_CLUSTER,
                                    .project = "p",
                                    .name = name,
                                    .text = span_of(text),
                                    .actor = "ada",
                                    .message = "why \xc3\xa9",
                                    .expected = expected};

    memset(put.digest.bytes, text[0], sizeof(put.digest.bytes));
    return put;
}

static struct answer put(struct trial *t, const struct store_version_put *put)
{
    struct answer answer = {.t = t};

    store_version_put(t->store, put, on_put, &answer);
    trial_wait(t, &answer.is_done);
    return answer;
}

static void expect_put(struct trial *t, const char *name, const char *text, int64_t expected,
                       int number_or_error)
{
    struct store_version_put wanted = put_of(name, text, expected);
    struct answer answer = put(t, &wanted);

    if (number_or_error < 0) {
        assert_int_equal(answer.code, EXO_ECONFLICT);
        assert_false(answer.is_new);
    } else {
        assert_int_equal(answer.code, EXO_OK);
        assert_int_equal(answer.number, number_or_error);
    }
}

static void read_into(struct answer *answer, struct store_version_query query)
{
    answer->is_done = false;
    query.project = query.project == NULL ? "p" : query.project;
    query.limit = query.limit == 0 ? 100 : query.limit;
    store_version_read(answer->t->store, &query, on_read, answer);
    trial_wait(answer->t, &answer->is_done);
}

static int hide(struct trial *t, const char *name, int64_t expected)
{
    struct store_version_put wanted = put_of(name, "x", expected);

    t->is_answered = false;
    store_version_delete(t->store, &wanted, trial_on_done, t);
    trial_wait(t, &t->is_answered);
    return t->has_err ? (int)t->err.code : 0;
}

static void numbers_grow_and_texts_stay(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct answer answer = {.t = t};

    expect_put(t, "c", "a1", STORE_VERSION_ANY, 1);
    expect_put(t, "c", "a1", STORE_VERSION_ANY, 1);
    expect_put(t, "c", "b2", STORE_VERSION_ANY, 2);
    expect_put(t, "c", "a1", STORE_VERSION_ANY, 3); /* as before, and yet the newest */
    expect_put(t, "d", "a1", STORE_VERSION_ANY, 1);
    read_into(&answer,
              (struct store_version_query){.reading = STORE_VERSION_ONE, .name = "c", .number = 2});
    assert_int_equal(answer.count, 1);
    assert_true(span_is(answer.rows[0].text, "b2"));
    assert_string_equal(answer.rows[0].project, "p");
    assert_string_equal(answer.rows[0].name, "c");
    assert_string_equal(answer.rows[0].actor, "ada");
    assert_string_equal(answer.rows[0].message, "why \xc3\xa9");
    assert_int_equal(answer.rows[0].newest, 3);
    assert_int_equal(answer.rows[0].digest.bytes[31], 'b');
    assert_true(answer.rows[0].created_ns > 1600000000 * EXO_SECOND);
    read_into(&answer, (struct store_version_query){.reading = STORE_VERSION_ONE, .name = "c"});
    assert_int_equal(answer.rows[0].number, 3);
    assert_true(span_is(answer.rows[0].text, "a1"));
    read_into(&answer,
              (struct store_version_query){.reading = STORE_VERSION_ONE, .name = "c", .number = 4});
    assert_int_equal(answer.count, 0);
    read_into(&answer, (struct store_version_query){
                           .reading = STORE_VERSION_ONE, .kind = VERSION_SATELLITE, .name = "c"});
    assert_int_equal(answer.count, 0);
    trial_close(t);
}

static void an_expectation_must_hold(void **state)
{
    struct trial *t = trial_open(*state, true);

    expect_put(t, "c", "a", 1, -1);
    expect_put(t, "c", "a", STORE_VERSION_NONE, 1);
    expect_put(t, "c", "b", STORE_VERSION_NONE, -1);
    expect_put(t, "c", "b", 2, -1);
    expect_put(t, "c", "b", 1, 2);
    expect_put(t, "c", "b", 1, 2); /* the same again: it has been done */
    expect_put(t, "c", "c", 1, -1);
    struct store_version_put wanted = put_of("c", "c", 1);
    struct answer answer = put(t, &wanted);

    assert_non_null(strstr(answer.error, "the newest version of the cluster p/c is 2, not 1"));
    trial_close(t);
}

static void a_delete_hides_the_name(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct answer answer = {.t = t};

    assert_int_equal(hide(t, "c", STORE_VERSION_ANY), EXO_ENOTFOUND);
    expect_put(t, "c", "a", STORE_VERSION_ANY, 1);
    expect_put(t, "c", "b", STORE_VERSION_ANY, 2);
    assert_int_equal(hide(t, "c", 1), EXO_ECONFLICT);
    assert_int_equal(hide(t, "c", 2), 0);
    assert_int_equal(hide(t, "c", STORE_VERSION_ANY), EXO_ENOTFOUND);
    read_into(&answer, (struct store_version_query){.reading = STORE_VERSION_LIST, .name = ""});
    assert_int_equal(answer.count, 0);
    read_into(&answer,
              (struct store_version_query){.reading = STORE_VERSION_ONE, .name = "c", .number = 1});
    assert_true(answer.rows[0].is_deleted);
    assert_true(span_is(answer.rows[0].text, "a"));
    /* It comes back with its numbers. */
    expect_put(t, "c", "b", 2, -1);
    expect_put(t, "c", "b", STORE_VERSION_NONE, 2);
    assert_int_equal(hide(t, "c", STORE_VERSION_ANY), 0);
    expect_put(t, "c", "c", STORE_VERSION_ANY, 3);
    read_into(&answer, (struct store_version_query){.reading = STORE_VERSION_ONE, .name = "c"});
    assert_false(answer.rows[0].is_deleted);
    trial_close(t);
}

static void lists_page(void **state)
{
    static const char *const names[] = {"b", "a", "d", "c"};
    struct trial *t = trial_open(*state, true);
    struct answer answer = {.t = t};

    for (size_t i = 0; i < 4; i++) {
        expect_put(t, names[i], "a", STORE_VERSION_ANY, 1);
        expect_put(t, names[i], "b", STORE_VERSION_ANY, 2);
    }
    struct store_version_put other = put_of("a", "z", STORE_VERSION_ANY);

    other.project = "q";
    assert_int_equal(put(t, &other).number, 1);
    read_into(&answer,
              (struct store_version_query){.reading = STORE_VERSION_LIST, .name = "", .limit = 3});
    assert_int_equal(answer.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(answer.rows[i].name[0], "abc"[i]);
        assert_int_equal(answer.rows[i].number, 2);
        assert_int_equal(answer.rows[i].text.bytes, 0);
    }
    read_into(&answer,
              (struct store_version_query){
                  .reading = STORE_VERSION_LIST, .project = "", .after_project = "p", .name = "c"});
    assert_int_equal(answer.count, 2);
    assert_string_equal(answer.rows[0].name, "d");
    assert_string_equal(answer.rows[1].project, "q");
    read_into(&answer, (struct store_version_query){.reading = STORE_VERSION_TEXTS,
                                                    .project = "",
                                                    .after_project = "p",
                                                    .name = "c"});
    assert_int_equal(answer.count, 2);
    assert_true(span_is(answer.rows[0].text, "b"));
    assert_true(span_is(answer.rows[1].text, "z"));
    read_into(&answer, (struct store_version_query){.reading = STORE_VERSION_HISTORY,
                                                    .name = "a",
                                                    .number = VERSION_NUMBER_MAX});
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.rows[0].number, 2);
    read_into(&answer, (struct store_version_query){
                           .reading = STORE_VERSION_HISTORY, .name = "a", .number = 2});
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.rows[0].number, 1);
    trial_close(t);
}

static void a_text_tells_its_version(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct answer answer = {.t = t};
    struct store_version_query query = {.reading = STORE_VERSION_OF_TEXT, .name = "c"};

    expect_put(t, "c", "a", STORE_VERSION_ANY, 1);
    expect_put(t, "c", "b", STORE_VERSION_ANY, 2);
    expect_put(t, "c", "a", STORE_VERSION_ANY, 3);
    query.digest = put_of("c", "a", 0).digest;
    read_into(&answer, query);
    assert_int_equal(answer.rows[0].number, 3);
    query.digest = put_of("c", "b", 0).digest;
    read_into(&answer, query);
    assert_int_equal(answer.rows[0].number, 2);
    query.digest = put_of("c", "c", 0).digest;
    read_into(&answer, query);
    assert_int_equal(answer.count, 0);
    trial_close(t);
}

static void on_projects(void *argument, const struct project_found *found, uint32_t count,
                        const struct exo_error *err)
{
    struct answer *answer = argument;

    assert_null(err);
    answer->is_done = true;
    answer->count = count;
    for (uint32_t i = 0; i < 20000; i++) {
        char name[16];
        int bytes = snprintf(name, sizeof(name), "p-%u", i);
        const struct project_settings *settings =
            project_find(found, count, (struct span){name, (size_t)bytes});

        assert_int_equal(settings != NULL, i >= 1 && i <= 12345 && i != 777);
        assert_true(settings == NULL || (!settings->has_kept && settings->running_max == 7));
    }
    const struct project_settings *newer = project_find(found, count, span_of("p1"));

    assert_true(newer != NULL && newer->has_kept && newer->kept_ns == 0);
    assert_null(project_find(found, count, span_of("")));
    assert_null(project_find(found, count, span_of("p")));
}

/* However many there are, hidden ones left out; of one that cannot be read all is kept. */
static void settings_of_many_projects_are_gathered(void **state)
{
    static const char postgres[] =
        "INSERT INTO definition VALUES (sha256(''), '{\"quotas\":{\"running_executions\":7}}');"
        "INSERT INTO stored_name SELECT 2, 'p-' || i, 'settings', 1, i = 777 "
        "FROM generate_series(1, 12345) i;"
        "INSERT INTO stored_version SELECT 2, 'p-' || i, 'settings', 1, sha256(''), 1, '', '' "
        "FROM generate_series(1, 12345) i";
    static const char sqlite[] =
        "INSERT INTO definition VALUES (zeroblob(32), "
        "CAST('{\"quotas\":{\"running_executions\":7}}' AS BLOB));"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12345) "
        "INSERT INTO stored_name SELECT 2, 'p-' || i, 'settings', 1, i = 777 FROM n;"
        "INSERT INTO stored_version SELECT kind, project, name, 1, zeroblob(32), 1, '', '' "
        "FROM stored_name WHERE project <> 'p1'";
    struct trial *t = trial_open(*state, true);
    struct answer answer = {.t = t};
    struct store_version_put newer =
        put_of(PROJECT_SETTINGS_NAME, "{\"later\": 1}", STORE_VERSION_ANY);

    newer.kind = VERSION_PROJECT;
    newer.project = "p1";
    assert_int_equal(put(t, &newer).number, 1);
    trial_sql(t, strcmp(t->backend, "postgres") == 0 ? postgres : sqlite);
    project_gather(t->store, on_projects, &answer);
    trial_wait(t, &answer.is_done);
    assert_int_equal(answer.count, 12345); /* without the hidden one, with the newer one */
    trial_close(t);
}

/* Many at once, from two stores: one of the same expectation wins, and no number comes twice. */
static void races_have_one_winner(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = strcmp(t->backend, "postgres") == 0 ? trial_store_open(t) : NULL;
    struct answer answers[RACERS];
    char texts[RACERS][2];
    bool is_seen[RACERS + 2] = {false};
    int winners = 0;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < RACERS; i++) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%c", 'a' + i + 32 * round);
            struct store_version_put wanted =
                put_of("c", texts[i], round == 0 ? STORE_VERSION_NONE : STORE_VERSION_ANY);

            answers[i] = (struct answer){.t = t};
            store_version_put(i % 2 == 1 && other != NULL ? other : t->store, &wanted, on_put,
                              &answers[i]);
        }
        for (int i = 0; i < RACERS; i++) {
            trial_wait(t, &answers[i].is_done);
            winners += round == 0 && answers[i].code == EXO_OK;
            if (round == 1) {
                assert_int_equal(answers[i].code, EXO_OK);
                assert_in_range(answers[i].number, 2, RACERS + 1);
                assert_false(is_seen[answers[i].number]);
                is_seen[answers[i].number] = true;
            }
        }
    }
    assert_int_equal(winners, 1);
    store_close(other);
    trial_close(t);
}

const struct store_story store_version_stories[] = {
    {"numbers_grow_and_texts_stay", numbers_grow_and_texts_stay},
    {"an_expectation_must_hold", an_expectation_must_hold},
    {"a_delete_hides_the_name", a_delete_hides_the_name},
    {"lists_page", lists_page},
    {"a_text_tells_its_version", a_text_tells_its_version},
    {"settings_of_many_projects_are_gathered", settings_of_many_projects_are_gathered},
    {"races_have_one_winner", races_have_one_winner},
};
const size_t store_version_story_count =
    sizeof(store_version_stories) / sizeof(store_version_stories[0]);
