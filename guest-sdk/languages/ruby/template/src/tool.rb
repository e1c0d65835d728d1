# The tools of `{{name}}`: a program that reads its arguments as JSON and prints its result as JSON. `tool.toml` says so.
# This file is loaded once, when the tool is built; each call is a call of `main`.
require "json"

NOT_FOUND = 66

def word_count(path:, empty_lines: true)
  lines = words = 0
  File.foreach(path) do |line|
    found = line.split.size
    lines += 1 if empty_lines || found.positive?
    words += found
  end
  { lines:, words: }
end

def main
  arguments = JSON.parse($stdin.read, symbolize_names: true)
  puts JSON.generate(word_count(**arguments))
rescue Errno::ENOENT
  # What a failure says last on standard error is its message.
  warn "`#{arguments[:path]}`: does not exist"
  exit NOT_FOUND
end
