// The tools of `{{name}}`.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "toolhold.h"

// The whole text of a file; no bytes if it cannot be read, and `errno` says why.
static toolhold_text read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return (toolhold_text){0};
  size_t length = 0, capacity = 64 * 1024, got;
  char *bytes = malloc(capacity);
  while (bytes && (got = fread(bytes + length, 1, capacity - length, file)) > 0) {
    length += got;
    if (length == capacity) bytes = realloc(bytes, capacity *= 2);
  }
  fclose(file);
  return (toolhold_text){bytes, length};
}

static toolhold_result word_count(toolhold_arguments arguments) {
  toolhold_text path = toolhold_get_text(arguments, "path");
  bool empty_lines = toolhold_get_bool(arguments, "empty_lines", true);
  toolhold_text text = read_file(path.bytes);
  if (!text.bytes) return toolhold_errno(path.bytes);
  toolhold_log(TOOLHOLD_INFO, toolhold_format("counting %zu bytes", text.length));

  size_t lines = 0, words = 0;
  bool in_word = false, line_has_word = false;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.bytes[i];
    if (isspace((unsigned char)byte)) in_word = false;
    else {
      if (!in_word) words++;
      in_word = line_has_word = true;
    }
    if (byte == '\n' || i + 1 == text.length) {
      if (empty_lines || line_has_word) lines++;
      line_has_word = false;
    }
  }
  return toolhold_ok(toolhold_format("{\"lines\":%zu,\"words\":%zu}", lines, words));
}

static const toolhold_need NEEDS[] = {{TOOLHOLD_READ, "/**", "reads the file it is asked to count"}};

const toolhold_tool toolhold_tools[] = {{
    .name = "word_count",
    .title = "Word count",
    // What the model reads: say what the tool does and when to use it.
    .description = "Counts the lines and words of a text file.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"path\":{\"type\":\"string\",\"description\":\"Absolute path of a UTF-8 text file.\"},"
        "\"empty_lines\":{\"type\":\"boolean\",\"description\":\"Count empty lines too; true if left out.\"}},"
        "\"required\":[\"path\"],\"additionalProperties\":false}",
    .output_schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"lines\":{\"type\":\"integer\",\"minimum\":0},\"words\":{\"type\":\"integer\",\"minimum\":0}},"
        "\"required\":[\"lines\",\"words\"]}",
    .hints = TOOLHOLD_READ_ONLY | TOOLHOLD_IDEMPOTENT,
    .needs = NEEDS,
    .needs_count = 1,
    .run = word_count,
}};
const size_t toolhold_tools_count = sizeof toolhold_tools / sizeof *toolhold_tools;
