/* test: cmocka with what it wants included before it. */
#ifndef EXO_TESTS_TEST_H
#define EXO_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above */

#endif /* EXO_TESTS_TEST_H */
