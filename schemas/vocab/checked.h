/* checked: marks of the compiler that every part uses.
 *
 * Pure. */
#ifndef EXO_VOCAB_CHECKED_H
#define EXO_VOCAB_CHECKED_H

/* The result may not be ignored without a written (void) and its reason. */
#define EXO_CHECKED __attribute__((warn_unused_result))
#define EXO_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
/* Runs the cleanup named NAME_cleanup(TYPE **) when the variable leaves its scope. */
#define EXO_AUTO(name) __attribute__((cleanup(name##_cleanup)))

#endif /* EXO_VOCAB_CHECKED_H */
