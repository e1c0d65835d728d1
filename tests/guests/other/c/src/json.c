#include "json.h"
#include "toolhold.h"

void json_text(FILE *out, const char *value, size_t length) {
  toolhold_text quoted = toolhold_quote((toolhold_text){value, length});
  fwrite(quoted.bytes, 1, quoted.length, out);
}
