/* reserved: the words of CEL that can be no root name. */
#include "schemas/expression/expression.h"

bool expression_is_reserved(struct span name)
{
    static const char *const words[] = {
        "as",       "break",   "const",  "continue", "else", "false", "for",
        "function", "if",      "import", "in",       "let",  "loop",  "namespace",
        "null",     "package", "return", "true",     "var",  "void",  "while",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_is(name, words[i])) {
            return true;
        }
    }
    return false;
}
