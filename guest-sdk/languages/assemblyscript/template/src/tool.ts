// The tools of `{{name}}`.
import { Arguments, Effect, Need, Result, Tool, log, ok, readText, register } from "toolhold";

function isSpace(unit: i32): bool {
  return unit == 0x20 || (unit >= 0x09 && unit <= 0x0d);
}

function countWords(text: string): i32 {
  let words = 0, inWord = false;
  for (let i = 0; i < text.length; i++) {
    const isInWord = !isSpace(text.charCodeAt(i));
    if (isInWord && !inWord) words++;
    inWord = isInWord;
  }
  return words;
}

const wordCount = new Tool("word_count", (args: Arguments): Result => {
  const emptyLines = args.bool("empty_lines", true);
  const reading = readText(args.text("path"));
  const error = reading.error;
  if (error) return error;
  const text = reading.text;
  log("counting " + text.length.toString() + " characters");
  const each = text.split("\n");
  let lines = 0;
  for (let i = 0; i < each.length; i++) {
    const isEnd = i == each.length - 1 && each[i].length == 0;
    if (!isEnd && (emptyLines || countWords(each[i]) > 0)) lines++;
  }
  return ok(`{"lines":${lines},"words":${countWords(text)}}`);
});

wordCount.title = "Word count";
// What the model reads: say what the tool does and when to use it.
wordCount.description = "Counts the lines and words of a text file.";
wordCount.input = `{"type":"object","properties":{
  "path":{"type":"string","description":"Absolute path of a UTF-8 text file."},
  "empty_lines":{"type":"boolean","description":"Count empty lines too; true if left out."}},
  "required":["path"],"additionalProperties":false}`;
wordCount.output = `{"type":"object","properties":{
  "lines":{"type":"integer","minimum":0},"words":{"type":"integer","minimum":0}},
  "required":["lines","words"]}`;
wordCount.readOnly = true;
wordCount.idempotent = true;
wordCount.needs = [new Need(Effect.READ, "/**", "reads the file it is asked to count")];
register(wordCount);
