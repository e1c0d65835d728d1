#include "json.h"

#include <stdlib.h>
#include <string.h>

// Where reading is. At the end, the next byte is NUL.
typedef struct {
  const char *next, *end;
} reader;

static char peek(const reader *in) { return in->next < in->end ? *in->next : '\0'; }

static char take(reader *in) { return in->next < in->end ? *in->next++ : '\0'; }

static void skip_space(reader *in) {
  while (in->next < in->end && memchr(" \t\r\n,:{", *in->next, 7)) in->next++;
}

static unsigned hex(reader *in) {
  unsigned value = 0;
  for (int digit = 0; digit < 4; digit++) {
    char c = take(in);
    value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return value & 0xffff;
}

// A code point beyond the first plane is two escapes.
static unsigned code_point(reader *in) {
  unsigned first = hex(in);
  if (first < 0xd800 || first > 0xdbff || peek(in) != '\\') return first;
  take(in);
  take(in);
  return 0x10000 + ((first - 0xd800) << 10) + (hex(in) & 0x3ff);
}

static char *put_utf8(char *to, unsigned code) {
  if (code < 0x80) return *to++ = (char)code, to;
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *to++ = (char)((0xff00 >> (more + 1)) | (code >> (6 * more)));
  while (more-- > 0) *to++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
  return to;
}

static char *put_escaped(char *to, reader *in) {
  static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
  char c = take(in);
  if (c == 'u') return put_utf8(to, code_point(in));
  const char *name = c ? strchr(names, c) : NULL;
  *to++ = name ? values[name - names] : c;
  return to;
}

// Decoded text is never longer than what it is decoded from, unless that ends within an escape.
static text read_text(reader *in) {
  if (take(in) != '"') return (text){NULL, 0};
  char *bytes = malloc((size_t)(in->end - in->next) + 4), *to = bytes;
  if (!bytes) abort();
  while (in->next < in->end && peek(in) != '"') {
    char c = take(in);
    if (c == '\\') to = put_escaped(to, in);
    else *to++ = c;
  }
  take(in);
  *to = '\0';
  return (text){bytes, (size_t)(to - bytes)};
}

text json_member(const char *json, size_t length, const char *key) {
  reader in = {json, json + length};
  for (;;) {
    skip_space(&in);
    text name = read_text(&in);
    if (!name.bytes) return name;
    skip_space(&in);
    text value = read_text(&in);
    int found = strcmp(name.bytes, key) == 0;
    free(name.bytes);
    if (found) return value;
    free(value.bytes);
  }
}

void json_text(FILE *out, const char *value, size_t length) {
  fputc('"', out);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)value[i];
    if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
    else if (c < 0x20) fprintf(out, "\\u%04x", c);
    else fputc(c, out);
  }
  fputc('"', out);
}
