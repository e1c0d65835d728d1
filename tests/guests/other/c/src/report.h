// The report: one JSON object, written member by member.
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdio.h>

// An object that is being written.
typedef struct {
  FILE *out;
  bool begun;
} object;

object object_begin(FILE *out);
void object_end(object *into);

// Starts a member; its value comes next.
void member(object *into, const char *name);

// A member that is a text, a number, or what a file holds.
void member_text(object *into, const char *name, const char *value);
void member_number(object *into, const char *name, long long value);
void member_content(object *into, const char *name, const char *path);

// A member that says what came of a call that returns zero or sets `errno`.
void member_outcome(object *into, const char *name, int result);

// The report's word for an error.
const char *word(int error);

#endif
