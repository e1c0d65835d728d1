// What a tool in C or C++ needs to speak to Toolhold: the world `toolhold:tool/described-tool`, without generated bindings.
//
// Every call runs in a fresh instance, so nothing here is ever freed: what is allocated goes away with the call.
#ifndef TOOLHOLD_H
#define TOOLHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// UTF-8, with a NUL after its end. It may hold a NUL within.
typedef struct {
  const char *bytes;
  size_t length;
} toolhold_text;

// The text of a C string.
toolhold_text toolhold_string(const char *string);

// A text as `printf` makes it.
toolhold_text toolhold_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

// What a tool declares to need. The sum of its needs is the most that anybody can grant it.
typedef enum { TOOLHOLD_READ, TOOLHOLD_WRITE, TOOLHOLD_NETWORK } toolhold_effect;

typedef struct {
  toolhold_effect effect;
  const char *target;  // a glob over guest paths, or an origin
  const char *reason;  // one line for the person who grants it
} toolhold_need;

// What a tool says of its behaviour, for people and models. One that says neither TOOLHOLD_READ_ONLY nor TOOLHOLD_ADDITIVE
// counts as one that destroys.
enum {
  TOOLHOLD_READ_ONLY = 1,
  TOOLHOLD_DESTRUCTIVE = 2,
  TOOLHOLD_IDEMPOTENT = 4,
  TOOLHOLD_OPEN_WORLD = 8,
  TOOLHOLD_ADDITIVE = 16,  // changes something, and neither deletes nor overwrites
};

// The arguments of a call: a JSON object that conforms to the tool's schema.
typedef struct {
  toolhold_text json;
} toolhold_arguments;

// Whether there is such an argument.
bool toolhold_has(toolhold_arguments arguments, const char *name);
// The argument `name`; without it, the text with no bytes, or `otherwise`.
toolhold_text toolhold_get_text(toolhold_arguments arguments, const char *name);
bool toolhold_get_bool(toolhold_arguments arguments, const char *name, bool otherwise);
double toolhold_get_number(toolhold_arguments arguments, const char *name, double otherwise);

// What comes of a call. Make it by one of the functions below.
typedef struct {
  int kind;
  toolhold_text first, second;
} toolhold_result;

// The result, as the text of a JSON value.
toolhold_result toolhold_ok(toolhold_text json);
// Why it did not work. A model reads it: name the value, say what to do instead.
toolhold_result toolhold_invalid_args(toolhold_text message);
toolhold_result toolhold_denied(toolhold_text message);
toolhold_result toolhold_not_found(toolhold_text message);
toolhold_result toolhold_failed(toolhold_text message);
toolhold_result toolhold_other(const char *code, toolhold_text message);
// The error for the `errno` of something that was done to `path`.
toolhold_result toolhold_errno(const char *path);

// `text` as a JSON string, with its quotes.
toolhold_text toolhold_quote(toolhold_text text);

// One tool.
typedef struct {
  const char *name, *title, *description;
  const char *input_schema;   // JSON Schema of the arguments
  const char *output_schema;  // JSON Schema of the result; NULL if it may be anything
  unsigned hints;
  const toolhold_need *needs;
  size_t needs_count;
  toolhold_result (*run)(toolhold_arguments arguments);
} toolhold_tool;

// The tools of the component. You define both.
extern const toolhold_tool toolhold_tools[];
extern const size_t toolhold_tools_count;

// A line for the operator's log.
typedef enum { TOOLHOLD_DEBUG, TOOLHOLD_INFO, TOOLHOLD_WARN, TOOLHOLD_ERROR } toolhold_level;
void toolhold_log(toolhold_level level, toolhold_text message);
// How far a long call is; `total` is negative if nobody knows.
void toolhold_progress(double done, double total, toolhold_text message);
// True once nobody waits any more.
bool toolhold_cancelled(void);

#ifdef __cplusplus
}
#endif
#endif
