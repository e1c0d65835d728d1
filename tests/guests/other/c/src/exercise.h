// Uses a directory in every way that C's library offers, and reports what it saw.
#ifndef EXERCISE_H
#define EXERCISE_H

#include <stdio.h>

// Writes a JSON object to `out`. `directory` is empty and may be written, `fixed` holds `kept.txt` and may be read only.
void exercise(FILE *out, const char *directory, const char *fixed);

#endif
