// The tools `echo` and `exercise` in C.
#include "exercise.h"
#include "json.h"
#include "toolhold.h"

#include <stdlib.h>

#define TEXTS(properties, required) \
  "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT(name) "\"" name "\":{\"type\":\"string\"}"

static toolhold_result echo(toolhold_arguments arguments) {
  toolhold_log(TOOLHOLD_INFO, toolhold_string("echo in C"));
  return toolhold_ok(toolhold_quote(toolhold_get_text(arguments, "text")));
}

static toolhold_result exercise_in(toolhold_arguments arguments) {
  char *report = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&report, &length);
  if (!out) abort();
  exercise(out, toolhold_get_text(arguments, "directory").bytes, toolhold_get_text(arguments, "fixed").bytes);
  fclose(out);
  return toolhold_ok((toolhold_text){report, length});
}

static const toolhold_need NEEDS[] = {
    {TOOLHOLD_READ, "/**", "reads back what it wrote"},
    {TOOLHOLD_WRITE, "/**", "makes files to exercise with"},
};

const toolhold_tool toolhold_tools[] = {
    {
        .name = "echo",
        .title = "Echo",
        .description = "Returns what it is given.",
        .input_schema = TEXTS(TEXT("text"), "\"text\""),
        .hints = TOOLHOLD_READ_ONLY | TOOLHOLD_IDEMPOTENT,
        .run = echo,
    },
    {
        .name = "exercise",
        .title = "Exercise",
        .description = "Uses a directory in every way that the library offers.",
        .input_schema = TEXTS(TEXT("directory") "," TEXT("fixed"), "\"directory\",\"fixed\""),
        .hints = TOOLHOLD_DESTRUCTIVE,
        .needs = NEEDS,
        .needs_count = 2,
        .run = exercise_in,
    },
};
const size_t toolhold_tools_count = sizeof toolhold_tools / sizeof *toolhold_tools;
