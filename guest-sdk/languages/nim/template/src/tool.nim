## The tools of `{{name}}`: a program that reads its arguments as JSON and prints its result as JSON. `tool.toml` says so.
import std/[json, os, strutils]

const NotFound = 66

proc wordCount(path: string, emptyLines: bool): JsonNode =
  var lineCount, wordCount = 0
  for line in lines(path):
    let words = line.splitWhitespace.len
    if emptyLines or words > 0: inc lineCount
    inc wordCount, words
  %*{"lines": lineCount, "words": wordCount}

let arguments = parseJson(stdin.readAll)
let path = arguments["path"].getStr
if not fileExists(path):
  # What a failure says last on standard error is its message.
  stderr.writeLine "`" & path & "`: does not exist"
  quit NotFound
echo wordCount(path, arguments{"empty_lines"}.getBool(true))
