// The canonical ABI of `toolhold:tool/described-tool`, written down: the world is fixed, so nothing needs to be generated.
#include "toolhold.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT(name) __attribute__((import_module("toolhold:tool/context@0.1.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

CONTEXT("log") extern void context_log(int32_t level, const char *message, size_t length);
CONTEXT("progress")
extern void context_progress(double done, int32_t has_total, double total, const char *message, size_t length);
CONTEXT("cancelled") extern int32_t context_cancelled(void);

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}

EXPORT("cabi_realloc") void *toolhold_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)old_size;
  if (size == 0) return (void *)align;
  void *memory = realloc(old, size);
  if (!memory) abort();
  return memory;
}

toolhold_text toolhold_string(const char *string) { return (toolhold_text){string, strlen(string)}; }

toolhold_text toolhold_format(const char *format, ...) {
  va_list first, second;
  va_start(first, format);
  va_copy(second, first);
  int length = vsnprintf(NULL, 0, format, first);
  va_end(first);
  if (length < 0) abort();
  char *bytes = allocate((size_t)length + 1);
  vsnprintf(bytes, (size_t)length + 1, format, second);
  va_end(second);
  return (toolhold_text){bytes, (size_t)length};
}

// -- JSON ---------------------------------------------------------------------------------------------------------

// Reads on in a JSON text that the host has parsed before. What is not JSON ends at `end` and yields nothing.
typedef struct {
  const char *at, *end;
} reader;

static void skip_space(reader *in) {
  while (in->at < in->end && strchr(" \t\r\n", *in->at)) in->at++;
}

static bool take(reader *in, char character) {
  skip_space(in);
  if (in->at >= in->end || *in->at != character) return false;
  in->at++;
  return true;
}

static unsigned hex4(reader *in) {
  unsigned unit = 0;
  for (int i = 0; i < 4 && in->at < in->end; i++) {
    char digit = *in->at++;
    unit = unit * 16 + (unsigned)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  return unit;
}

static char *put_utf8(char *out, unsigned point) {
  if (point < 0x80) {
    *out++ = (char)point;
    return out;
  }
  int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
  *out++ = (char)(first[more] | (point >> (6 * more)));
  while (more-- > 0) *out++ = (char)(0x80 | ((point >> (6 * more)) & 0x3f));
  return out;
}

static char *put_escaped(reader *in, char *out) {
  if (in->at >= in->end) return out;
  char escaped = *in->at++;
  static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
  const char *known = strchr(from, escaped);
  if (known && escaped) {
    *out++ = to[known - from];
  } else if (escaped == 'u') {
    unsigned point = hex4(in);
    if (point >= 0xd800 && point < 0xdc00 && in->end - in->at > 6 && in->at[0] == '\\' && in->at[1] == 'u') {
      in->at += 2;
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(in) - 0xdc00);
    }
    out = put_utf8(out, point);
  } else {
    *out++ = escaped;
  }
  return out;
}

static bool read_string(reader *in, toolhold_text *text) {
  if (!take(in, '"')) return false;
  char *bytes = allocate((size_t)(in->end - in->at) + 1), *out = bytes;
  while (in->at < in->end && *in->at != '"') {
    char character = *in->at++;
    if (character == '\\') out = put_escaped(in, out);
    else *out++ = character;
  }
  if (in->at >= in->end) return false;
  in->at++;
  *out = 0;
  *text = (toolhold_text){bytes, (size_t)(out - bytes)};
  return true;
}

// Goes over one value: to the first `,`, `}` or `]` that does not belong to it.
static void skip_value(reader *in) {
  int depth = 0;
  toolhold_text ignored;
  for (;;) {
    skip_space(in);
    if (in->at >= in->end) return;
    char character = *in->at;
    if (character == '"') {
      if (!read_string(in, &ignored)) return;
      continue;
    }
    if (depth == 0 && (character == ',' || character == '}' || character == ']')) return;
    if (character == '{' || character == '[') depth++;
    if (character == '}' || character == ']') depth--;
    in->at++;
  }
}

// Puts `in` before the value of the member `name`.
static bool find(toolhold_arguments arguments, const char *name, reader *in) {
  *in = (reader){arguments.json.bytes, arguments.json.bytes + arguments.json.length};
  if (!take(in, '{')) return false;
  toolhold_text key;
  while (read_string(in, &key) && take(in, ':')) {
    skip_space(in);
    if (key.length == strlen(name) && memcmp(key.bytes, name, key.length) == 0) return true;
    skip_value(in);
    if (!take(in, ',')) return false;
  }
  return false;
}

bool toolhold_has(toolhold_arguments arguments, const char *name) {
  reader in;
  return find(arguments, name, &in);
}

toolhold_text toolhold_get_text(toolhold_arguments arguments, const char *name) {
  reader in;
  toolhold_text text = {"", 0};
  if (find(arguments, name, &in)) read_string(&in, &text);
  return text;
}

bool toolhold_get_bool(toolhold_arguments arguments, const char *name, bool otherwise) {
  reader in;
  if (!find(arguments, name, &in) || in.at >= in.end) return otherwise;
  return *in.at == 't' ? true : *in.at == 'f' ? false : otherwise;
}

double toolhold_get_number(toolhold_arguments arguments, const char *name, double otherwise) {
  reader in;
  if (!find(arguments, name, &in) || in.at >= in.end) return otherwise;
  char *end;
  double number = strtod(in.at, &end);
  return end == in.at ? otherwise : number;
}

toolhold_text toolhold_quote(toolhold_text text) {
  char *bytes = allocate(text.length * 6 + 3), *out = bytes;
  *out++ = '"';
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.bytes[i];
    if (byte == '"' || byte == '\\') *out++ = '\\';
    if (byte < 0x20) out += sprintf(out, "\\u%04x", byte);
    else *out++ = (char)byte;
  }
  *out++ = '"';
  *out = 0;
  return (toolhold_text){bytes, (size_t)(out - bytes)};
}

// -- results ------------------------------------------------------------------------------------------------------

enum { OK = -1, INVALID_ARGS, DENIED, NOT_FOUND, FAILED, CANCELLED, OTHER };

static toolhold_result result(int kind, toolhold_text first) { return (toolhold_result){kind, first, {"", 0}}; }

toolhold_result toolhold_ok(toolhold_text json) { return result(OK, json); }
toolhold_result toolhold_invalid_args(toolhold_text message) { return result(INVALID_ARGS, message); }
toolhold_result toolhold_denied(toolhold_text message) { return result(DENIED, message); }
toolhold_result toolhold_not_found(toolhold_text message) { return result(NOT_FOUND, message); }
toolhold_result toolhold_failed(toolhold_text message) { return result(FAILED, message); }

toolhold_result toolhold_other(const char *code, toolhold_text message) {
  return (toolhold_result){OTHER, toolhold_string(code), message};
}

toolhold_result toolhold_errno(const char *path) {
  switch (errno) {
    case ENOENT: return toolhold_not_found(toolhold_format("`%s`: does not exist", path));
    case EACCES:
    case EPERM:
    case EROFS: return toolhold_denied(toolhold_format("`%s`: the host refused it", path));
    default: return toolhold_failed(toolhold_format("`%s`: %s", path, strerror(errno)));
  }
}

// -- the world ----------------------------------------------------------------------------------------------------

typedef struct {
  toolhold_text name, title, description, input_schema;
  uint8_t has_output_schema;
  toolhold_text output_schema;
  uint8_t read_only, destructive, idempotent, open_world;
  void *needs;
  size_t needs_count;
  toolhold_text extra;
} tool_info;

typedef struct {
  uint8_t effect;
  toolhold_text target, reason;
} need;

_Static_assert(sizeof(tool_info) == 64 && sizeof(need) == 20, "as the canonical ABI lays them out");

static need *needs_of(const toolhold_tool *tool) {
  need *needs = allocate(tool->needs_count * sizeof *needs);
  for (size_t i = 0; i < tool->needs_count; i++) {
    const toolhold_need *declared = &tool->needs[i];
    needs[i].effect = (uint8_t)declared->effect;
    needs[i].target = toolhold_string(declared->target);
    needs[i].reason = toolhold_string(declared->reason);
  }
  return needs;
}

EXPORT("toolhold:tool/described@0.1.0#describe") void *toolhold_describe(void) {
  static struct {
    tool_info *tools;
    size_t count;
  } list;
  list.count = toolhold_tools_count;
  list.tools = allocate(list.count * sizeof *list.tools);
  for (size_t i = 0; i < list.count; i++) {
    const toolhold_tool *tool = &toolhold_tools[i];
    tool_info *info = &list.tools[i];
    memset(info, 0, sizeof *info);
    info->name = toolhold_string(tool->name);
    info->title = toolhold_string(tool->title ? tool->title : tool->name);
    info->description = toolhold_string(tool->description);
    info->input_schema = toolhold_string(tool->input_schema);
    info->has_output_schema = tool->output_schema != NULL;
    if (tool->output_schema) info->output_schema = toolhold_string(tool->output_schema);
    info->read_only = (tool->hints & TOOLHOLD_READ_ONLY) != 0;
    bool harmless = (tool->hints & (TOOLHOLD_READ_ONLY | TOOLHOLD_ADDITIVE)) != 0;
    info->destructive = (tool->hints & TOOLHOLD_DESTRUCTIVE) != 0 || !harmless;
    info->idempotent = (tool->hints & TOOLHOLD_IDEMPOTENT) != 0;
    info->open_world = (tool->hints & TOOLHOLD_OPEN_WORLD) != 0;
    info->needs = needs_of(tool);
    info->needs_count = tool->needs_count;
    info->extra = toolhold_string("{}");
  }
  return &list;
}

typedef struct {
  uint8_t is_error;
  union {
    toolhold_text ok;
    struct {
      uint8_t kind;
      toolhold_text first, second;
    } error;
  };
} answer;

_Static_assert(sizeof(answer) == 24, "as the canonical ABI lays it out");

static toolhold_result run(toolhold_text name, toolhold_arguments arguments) {
  for (size_t i = 0; i < toolhold_tools_count; i++) {
    const toolhold_tool *tool = &toolhold_tools[i];
    if (name.length == strlen(tool->name) && memcmp(name.bytes, tool->name, name.length) == 0) return tool->run(arguments);
  }
  return toolhold_invalid_args(toolhold_string("there is no such tool"));
}

EXPORT("toolhold:tool/described@0.1.0#invoke")
void *toolhold_invoke(const char *name, size_t name_length, const char *json, size_t json_length) {
  static answer out;
  toolhold_result result = run((toolhold_text){name, name_length}, (toolhold_arguments){{json, json_length}});
  out.is_error = result.kind != OK;
  if (result.kind == OK) {
    out.ok = result.first;
  } else {
    out.error.kind = (uint8_t)result.kind;
    out.error.first = result.first;
    out.error.second = result.second;
  }
  return &out;
}

void toolhold_log(toolhold_level level, toolhold_text message) {
  context_log((int32_t)level, message.bytes, message.length);
}

void toolhold_progress(double done, double total, toolhold_text message) {
  context_progress(done, total >= 0, total >= 0 ? total : 0, message.bytes, message.length);
}

bool toolhold_cancelled(void) { return context_cancelled() != 0; }
