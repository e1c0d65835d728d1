// JSON, as much of it as a tool with text arguments needs. The host has validated the arguments against the schema, so
// what is not the text of a flat object cannot arrive here; nothing relies on that for its safety.
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdio.h>

// Bytes that may hold a NUL; one more follows them. `bytes` is NULL where there is no such text.
typedef struct {
  char *bytes;
  size_t length;
} text;

// The text member `key` of the object `json`. The caller frees it.
text json_member(const char *json, size_t length, const char *key);

// Writes `value` as a JSON string.
void json_text(FILE *out, const char *value, size_t length);

#endif
