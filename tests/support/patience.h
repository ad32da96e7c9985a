/* patience: how much longer than usual a test waits for what should come before it says "in vain":
 * ThreadSanitizer makes a program ten times slower. */
#ifndef EXO_TESTS_PATIENCE_H
#define EXO_TESTS_PATIENCE_H

#if defined(__SANITIZE_THREAD__)
#define TEST_PATIENCE 5
#else
#define TEST_PATIENCE 1
#endif

#endif /* EXO_TESTS_PATIENCE_H */
