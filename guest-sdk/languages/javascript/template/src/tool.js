// The tools of `{{name}}`.
import { log, read, readText, tool } from "toolhold";

tool(
  {
    name: "word_count",
    title: "Word count",
    // What the model reads: say what the tool does and when to use it.
    description: "Counts the lines and words of a text file.",
    input: {
      type: "object",
      properties: {
        path: { type: "string", description: "Absolute path of a UTF-8 text file." },
        empty_lines: { type: "boolean", description: "Count empty lines too; true if left out." },
      },
      required: ["path"],
      additionalProperties: false,
    },
    output: {
      type: "object",
      properties: { lines: { type: "integer", minimum: 0 }, words: { type: "integer", minimum: 0 } },
      required: ["lines", "words"],
    },
    hints: { readOnly: true, idempotent: true },
    needs: [read("/**", "reads the file it is asked to count")],
  },
  ({ path, empty_lines: emptyLines = true }) => {
    const text = readText(path);
    log(`counting ${text.length} characters`);
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    return {
      lines: lines.filter((line) => emptyLines || line.trim() !== "").length,
      words: text.split(/\s+/).filter((word) => word !== "").length,
    };
  },
);
