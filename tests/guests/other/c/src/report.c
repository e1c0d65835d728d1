#include "report.h"
#include "json.h"

#include <errno.h>
#include <string.h>

object object_begin(FILE *out) {
  fputc('{', out);
  return (object){out, false};
}

void object_end(object *into) { fputc('}', into->out); }

void member(object *into, const char *name) {
  if (into->begun) fputc(',', into->out);
  into->begun = true;
  json_text(into->out, name, strlen(name));
  fputc(':', into->out);
}

void member_text(object *into, const char *name, const char *value) {
  member(into, name);
  json_text(into->out, value, strlen(value));
}

void member_number(object *into, const char *name, long long value) {
  member(into, name);
  fprintf(into->out, "%lld", value);
}

void member_content(object *into, const char *name, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    member_text(into, name, word(errno));
    return;
  }
  char content[4096];
  size_t length = fread(content, 1, sizeof content, file);
  fclose(file);
  member(into, name);
  json_text(into->out, content, length);
}

void member_outcome(object *into, const char *name, int result) {
  member_text(into, name, result == 0 ? "done" : word(errno));
}

const char *word(int error) {
  switch (error) {
    case ENOENT: return "missing";
    case EEXIST: return "exists";
    case EISDIR: return "a directory";
    case ENOTDIR: return "not a directory";
    case ENOTEMPTY: return "not empty";
    case EACCES:
    case EPERM:
    case EROFS: return "denied";
    default: return strerror(error);
  }
}
