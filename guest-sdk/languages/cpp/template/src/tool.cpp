// The tools of `{{name}}`.
#include <cstdio>
#include <cctype>
#include <string>
#include <string_view>

#include "toolhold.h"

// The whole text of a file; `false` if it cannot be read, and `errno` says why.
static bool read_file(const char *path, std::string &text) {
  std::FILE *file = std::fopen(path, "rb");
  if (!file) return false;
  static char part[64 * 1024];
  for (std::size_t got; (got = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, got);
  std::fclose(file);
  return true;
}

static bool is_space(char character) { return std::isspace(static_cast<unsigned char>(character)) != 0; }

static std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool in_word = false;
  for (char character : text) {
    if (!is_space(character) && !in_word) words++;
    in_word = !is_space(character);
  }
  return words;
}

static std::size_t count_lines(std::string_view text, bool empty_lines) {
  std::size_t lines = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (empty_lines || count_words(text.substr(0, end)) > 0) lines++;
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

static toolhold_result word_count(toolhold_arguments arguments) {
  const toolhold_text path = toolhold_get_text(arguments, "path");
  const bool empty_lines = toolhold_get_bool(arguments, "empty_lines", true);
  std::string text;
  if (!read_file(path.bytes, text)) return toolhold_errno(path.bytes);
  toolhold_log(TOOLHOLD_INFO, toolhold_format("counting %zu bytes", text.size()));
  const auto lines = count_lines(text, empty_lines), words = count_words(text);
  return toolhold_ok(toolhold_format("{\"lines\":%zu,\"words\":%zu}", lines, words));
}

static const toolhold_need NEEDS[] = {{TOOLHOLD_READ, "/**", "reads the file it is asked to count"}};

extern "C" const toolhold_tool toolhold_tools[] = {{
    .name = "word_count",
    .title = "Word count",
    // What the model reads: say what the tool does and when to use it.
    .description = "Counts the lines and words of a text file.",
    .input_schema = R"({"type":"object","properties":{
      "path":{"type":"string","description":"Absolute path of a UTF-8 text file."},
      "empty_lines":{"type":"boolean","description":"Count empty lines too; true if left out."}},
      "required":["path"],"additionalProperties":false})",
    .output_schema = R"({"type":"object","properties":{
      "lines":{"type":"integer","minimum":0},"words":{"type":"integer","minimum":0}},
      "required":["lines","words"]})",
    .hints = TOOLHOLD_READ_ONLY | TOOLHOLD_IDEMPOTENT,
    .needs = NEEDS,
    .needs_count = 1,
    .run = word_count,
}};
extern "C" const std::size_t toolhold_tools_count = sizeof toolhold_tools / sizeof *toolhold_tools;
