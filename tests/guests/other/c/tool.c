// The tools `echo` and `exercise` in C: what they say of themselves, and which one is called.
#include "described_tool.h"
#include "exercise.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS(properties, required) \
  "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT(name) "\"" name "\":{\"type\":\"string\"}"

// What is returned is freed by the bindings, so every text is a copy.
static described_tool_string_t copy(const char *value) {
  described_tool_string_t text;
  described_tool_string_dup(&text, value);
  return text;
}

static toolhold_tool_types_need_t need(toolhold_tool_types_effect_t effect, const char *reason) {
  return (toolhold_tool_types_need_t){effect, copy("/**"), copy(reason)};
}

static toolhold_tool_types_tool_info_t info(const char *name, const char *title, const char *what, const char *schema) {
  toolhold_tool_types_tool_info_t info = {0};
  info.name = copy(name);
  info.title = copy(title);
  info.description = copy(what);
  info.input_schema = copy(schema);
  info.extra = copy("{}");
  return info;
}

void exports_toolhold_tool_described_describe(exports_toolhold_tool_described_list_tool_info_t *tools) {
  tools->len = 2;
  tools->ptr = calloc(tools->len, sizeof *tools->ptr);
  if (!tools->ptr) abort();
  tools->ptr[0] = info("echo", "Echo", "Returns what it is given.", TEXTS(TEXT("text"), "\"text\""));
  tools->ptr[0].hints = (toolhold_tool_types_hints_t){.read_only = true, .idempotent = true};
  tools->ptr[1] = info("exercise", "Exercise", "Uses a directory in every way that the library offers.",
                       TEXTS(TEXT("directory") "," TEXT("fixed"), "\"directory\",\"fixed\""));
  tools->ptr[1].hints.destructive = true;
  toolhold_tool_types_list_need_t *needs = &tools->ptr[1].needs;
  needs->len = 2;
  needs->ptr = calloc(needs->len, sizeof *needs->ptr);
  if (!needs->ptr) abort();
  needs->ptr[0] = need(TOOLHOLD_TOOL_TYPES_EFFECT_READ, "reads back what it wrote");
  needs->ptr[1] = need(TOOLHOLD_TOOL_TYPES_EFFECT_WRITE, "makes files to exercise with");
}

static void echo(FILE *out, const described_tool_string_t *args) {
  described_tool_string_t message;
  described_tool_string_set(&message, "echo in C");
  toolhold_tool_context_log(TOOLHOLD_TOOL_TYPES_LEVEL_INFO, &message);
  text given = json_member((const char *)args->ptr, args->len, "text");
  json_text(out, given.bytes ? given.bytes : "", given.length);
  free(given.bytes);
}

static void exercise_in(FILE *out, const described_tool_string_t *args) {
  text directory = json_member((const char *)args->ptr, args->len, "directory");
  text fixed = json_member((const char *)args->ptr, args->len, "fixed");
  if (directory.bytes && fixed.bytes) exercise(out, directory.bytes, fixed.bytes);
  free(directory.bytes);
  free(fixed.bytes);
}

static bool is(const described_tool_string_t *name, const char *tool) {
  return name->len == strlen(tool) && memcmp(name->ptr, tool, name->len) == 0;
}

bool exports_toolhold_tool_described_invoke(described_tool_string_t *name, described_tool_string_t *args,
                                            described_tool_string_t *ret,
                                            exports_toolhold_tool_described_tool_error_t *error) {
  char *result = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&result, &length);
  if (!out) abort();
  if (is(name, "echo")) echo(out, args);
  else if (is(name, "exercise")) exercise_in(out, args);
  fclose(out);
  if (length == 0) {
    error->tag = TOOLHOLD_TOOL_TYPES_TOOL_ERROR_INVALID_ARGS;
    error->val.invalid_args = copy("no such tool, or not its arguments");
  } else {
    described_tool_string_dup_n(ret, result, length);
  }
  bool done = length > 0;
  free(result);
  described_tool_string_free(name);
  described_tool_string_free(args);
  return done;
}
