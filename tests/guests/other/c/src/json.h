// JSON, as much of it as a report needs that is written member by member.
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdio.h>

// Writes `value` as a JSON string.
void json_text(FILE *out, const char *value, size_t length);

#endif
