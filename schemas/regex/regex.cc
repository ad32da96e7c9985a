#include "schemas/regex/regex.h"

#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>

struct regex {
    std::unique_ptr<RE2> compiled;
};

namespace
{

re2::StringPiece piece_of(struct span text)
{
    return re2::StringPiece(text.bytes == 0 ? "" : static_cast<const char *>(text.data),
                            text.bytes);
}

/* Cut to fit, never inside a character. */
void put_text(char *to, const char *text)
{
    size_t bytes = std::strlen(text);

    if (bytes > REGEX_TEXT_BYTES - 1) {
        bytes = REGEX_TEXT_BYTES - 1;
        while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) {
            bytes--;
        }
    }
    std::memcpy(to, text, bytes);
    to[bytes] = '\0';
}

RE2::Options make_options()
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(REGEX_BYTES_MAX);
    options.set_never_capture(true);
    return options;
}

enum regex_err refuse(const RE2 &compiled, char *ret_text)
{
    if (compiled.error_code() == RE2::ErrorPatternTooLarge) {
        put_text(ret_text, "the pattern needs more than the limit of 1 MiB; use smaller counts");
        return REGEX_ELIMIT;
    }
    std::string text = compiled.error();

    if (!compiled.error_arg().empty() && text.find(compiled.error_arg()) == std::string::npos) {
        text += ": " + compiled.error_arg();
    }
    put_text(ret_text, text.c_str());
    return REGEX_ESYNTAX;
}

} // namespace

enum regex_err regex_new(struct span pattern, struct regex **ret_regex,
                         char ret_text[REGEX_TEXT_BYTES])
{
    if (pattern.bytes > REGEX_PATTERN_BYTES_MAX) {
        put_text(ret_text, "the pattern is longer than the limit of 1024 bytes");
        return REGEX_ELIMIT;
    }
    try {
        auto compiled = std::make_unique<RE2>(piece_of(pattern), make_options());

        if (!compiled->ok()) {
            return refuse(*compiled, ret_text);
        }
        *ret_regex = new regex{std::move(compiled)};
        return REGEX_OK;
    } catch (const std::bad_alloc &) {
        put_text(ret_text, "no memory for the pattern");
        return REGEX_EMEMORY;
    }
}

void regex_free(struct regex *regex)
{
    delete regex;
}

bool regex_find(const struct regex *regex, struct span text)
{
    return RE2::PartialMatch(piece_of(text), *regex->compiled);
}

size_t regex_size(const struct regex *regex)
{
    return static_cast<size_t>(regex->compiled->ProgramSize());
}
