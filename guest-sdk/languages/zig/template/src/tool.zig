//! The tools of `{{name}}`.
const std = @import("std");
const toolhold = @import("toolhold");

const Arguments = struct { path: []const u8, empty_lines: bool = true };

fn wordCount(arguments: []const u8) toolhold.Result {
    const given = toolhold.parse(Arguments, arguments) orelse return .{ .failure = .{ .invalid_args = "not the arguments of this tool" } };
    const text = switch (toolhold.readFile(given.path)) {
        .text => |text| text,
        .failure => |failure| return .{ .failure = failure },
    };
    toolhold.info("counting {d} bytes", .{text.len});

    var lines: usize = 0;
    var each_line = std.mem.splitScalar(u8, text, '\n');
    while (each_line.next()) |line| {
        const is_end = each_line.peek() == null and line.len == 0;
        if (!is_end and (given.empty_lines or countWords(line) > 0)) lines += 1;
    }
    return .{ .ok = toolhold.print("{{\"lines\":{d},\"words\":{d}}}", .{ lines, countWords(text) }) };
}

fn countWords(text: []const u8) usize {
    var words: usize = 0;
    var each = std.mem.tokenizeAny(u8, text, &std.ascii.whitespace);
    while (each.next()) |_| words += 1;
    return words;
}

pub const tools = [_]toolhold.Tool{.{
    .name = "word_count",
    .title = "Word count",
    // What the model reads: say what the tool does and when to use it.
    .description = "Counts the lines and words of a text file.",
    .input_schema =
    \\{"type":"object","properties":{
    \\"path":{"type":"string","description":"Absolute path of a UTF-8 text file."},
    \\"empty_lines":{"type":"boolean","description":"Count empty lines too; true if left out."}},
    \\"required":["path"],"additionalProperties":false}
    ,
    .output_schema =
    \\{"type":"object","properties":{
    \\"lines":{"type":"integer","minimum":0},"words":{"type":"integer","minimum":0}},
    \\"required":["lines","words"]}
    ,
    .hints = .{ .read_only = true, .idempotent = true },
    .needs = &.{.{ .effect = .read, .target = "/**", .reason = "reads the file it is asked to count" }},
    .run = wordCount,
}};
