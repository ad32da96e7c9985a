/* Evaluates every example of docs/expressions.md: a line of a ```cel block is "source => result",
 * where the result is JSON or "code: text". The names stand in its one ```json block. */
#include "tests/unit/schemas/expression/expression_fixture.h"

enum { PAGE_BYTES = 64 << 10, EXAMPLES_MIN = 40 };

static char page[PAGE_BYTES];

static void read_page(void)
{
    FILE *file = fopen("docs/expressions.md", "r");

    assert_non_null(file);
    size_t bytes = fread(page, 1, sizeof(page) - 1, file);

    assert_in_range(bytes, 1000, sizeof(page) - 2);
    (void)fclose(file);
}

/* Cuts the block that begins with the mark out of the page; *at moves behind it. */
static char *next_block(char **at, const char *mark)
{
    char *begin = strstr(*at, mark);

    if (begin == NULL) {
        return NULL;
    }
    begin += strlen(mark);
    char *end = strstr(begin, "```");

    assert_non_null(end);
    *end = '\0';
    *at = end + 1;
    return begin;
}

static void check_line(struct expression_fixture *f, char *line)
{
    char *arrow = strstr(line, " => ");
    char *end = arrow;
    const char *code;
    const char *rest;

    assert_non_null(arrow);
    while (end > line && end[-1] == ' ') {
        end--;
    }
    *end = '\0';
    const char *result = fixture_eval(f, line, NULL);
    char without_place[sizeof(f->error.text) + 64];

    /* An error's column is not written in the page. */
    code = strchr(result, '@');
    rest = code == NULL ? NULL : strchr(code, ':');
    if (rest != NULL && result[0] >= 'a' && result[0] <= 'z') {
        (void)snprintf(without_place, sizeof(without_place), "%.*s%s", (int)(code - result), result,
                       rest);
        result = without_place;
    }
    if (strcmp(result, arrow + 4) != 0) {
        fail_msg("%s\n  gives    %s\n  the page %s", line, result, arrow + 4);
    }
}

static void every_example_gives_what_the_page_says(void **state)
{
    struct expression_fixture f;
    char *at = page;
    char *block;
    int count = 0;

    (void)state;
    read_page();
    block = next_block(&at, "```json\n");
    assert_non_null(block);
    fixture_begin(&f, block);
    while ((block = next_block(&at, "```cel\n")) != NULL) {
        char *rest = NULL;

        for (char *line = strtok_r(block, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            check_line(&f, line);
            count++;
        }
    }
    assert_true(count >= EXAMPLES_MIN);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_gives_what_the_page_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
