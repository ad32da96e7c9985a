/* patience: how long a test waits for what should come before it says "in vain". A machine may be
 * much slower than the one a test was written on, and have other tests to run: the bound costs
 * nothing but where the test fails. ThreadSanitizer makes a program ten times slower. */
#ifndef EXO_TESTS_PATIENCE_H
#define EXO_TESTS_PATIENCE_H

#include "schemas/vocab/time.h"

#if defined(__SANITIZE_THREAD__)
#define TEST_PATIENCE 5
#else
#define TEST_PATIENCE 1
#endif

#define TEST_WAIT_SECONDS (120 * TEST_PATIENCE)
#define TEST_WAIT (TEST_WAIT_SECONDS * EXO_SECOND)

#endif /* EXO_TESTS_PATIENCE_H */
