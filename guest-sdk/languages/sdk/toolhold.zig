//! What a tool in Zig needs to speak to Toolhold: the canonical ABI of the world `toolhold:tool/described-tool`, written down.
//!
//! Every call runs in a fresh instance, so nothing here is ever freed: what is allocated goes away with the call.
const std = @import("std");

pub const allocator = std.heap.c_allocator;

/// What a call touches outside of its sandbox.
pub const Effect = enum(u8) { read, write, network };

/// What a tool declares to need: a glob over guest paths or an origin, and a line for the person who grants it.
pub const Need = struct { effect: Effect, target: []const u8, reason: []const u8 };

/// What a tool says of its behaviour, for people and models. Unless `destructive` is said, a tool that is not `read_only` counts as
/// one that destroys.
pub const Hints = struct { read_only: bool = false, destructive: ?bool = null, idempotent: bool = false, open_world: bool = false };

/// Why a tool did not do what it was asked. A model reads the message: name the value, say what to do instead.
pub const Failure = union(enum) {
    invalid_args: []const u8,
    denied: []const u8,
    not_found: []const u8,
    failed: []const u8,
    cancelled,
    other: struct { code: []const u8, message: []const u8 },
};

/// What comes of a call: the text of a JSON value, or why there is none.
pub const Result = union(enum) { ok: []const u8, failure: Failure };

/// One tool. `run` gets the text of a JSON object that conforms to `input_schema`.
pub const Tool = struct {
    name: []const u8,
    title: []const u8,
    description: []const u8,
    input_schema: []const u8,
    output_schema: ?[]const u8 = null,
    hints: Hints = .{},
    needs: []const Need = &.{},
    run: *const fn (arguments: []const u8) Result,
};

/// A text made of parts.
pub fn print(comptime format: []const u8, values: anytype) []const u8 {
    return std.fmt.allocPrint(allocator, format, values) catch unreachable;
}

/// The arguments as a value of the type `T`: its fields are the properties, with defaults where they may be left out.
pub fn parse(comptime T: type, arguments: []const u8) ?T {
    return std.json.parseFromSliceLeaky(T, allocator, arguments, .{ .ignore_unknown_fields = true }) catch null;
}

extern "toolhold:tool/context@0.1.0" fn log(level: i32, message: [*]const u8, length: usize) void;
extern "toolhold:tool/context@0.1.0" fn progress(done: f64, has_total: i32, total: f64, message: [*]const u8, length: usize) void;
extern "toolhold:tool/context@0.1.0" fn cancelled() i32;

/// A line for the operator's log.
pub fn info(comptime format: []const u8, values: anytype) void {
    const message = print(format, values);
    log(1, message.ptr, message.len);
}

/// How far a long call is.
pub fn reportProgress(done: f64, total: f64, message: []const u8) void {
    progress(done, 1, total, message.ptr, message.len);
}

/// Whether nobody waits any more.
pub fn isCancelled() bool {
    return cancelled() != 0;
}

const File = opaque {};
extern fn fopen(path: [*:0]const u8, mode: [*:0]const u8) ?*File;
extern fn fread(buffer: [*]u8, size: usize, count: usize, file: *File) usize;
extern fn fclose(file: *File) c_int;
extern fn __errno_location() *c_int;

/// The whole text of a file, or why it cannot be read.
pub fn readFile(path: []const u8) union(enum) { text: []const u8, failure: Failure } {
    const file = fopen(allocator.dupeSentinel(u8, path, 0) catch unreachable, "rb") orelse return .{ .failure = ofErrno(path) };
    defer _ = fclose(file);
    var bytes = allocator.alloc(u8, 64 * 1024) catch unreachable;
    var length: usize = 0;
    while (true) {
        const got = fread(bytes.ptr + length, 1, bytes.len - length, file);
        if (got == 0) return .{ .text = bytes[0..length] };
        length += got;
        if (length == bytes.len) bytes = allocator.realloc(bytes, 2 * bytes.len) catch unreachable;
    }
}

/// The numbers of WASI.
fn ofErrno(path: []const u8) Failure {
    return switch (__errno_location().*) {
        44 => .{ .not_found = print("`{s}`: does not exist", .{path}) },
        2, 63, 69, 76 => .{ .denied = print("`{s}`: the host refused it", .{path}) },
        else => |number| .{ .failed = print("`{s}`: cannot be read, error {d}", .{ path, number }) },
    };
}

// -- the layouts of the canonical ABI -----------------------------------------------------------------------------------

const Text = extern struct {
    pointer: [*]const u8,
    length: usize,

    fn of(text: []const u8) Text {
        return .{ .pointer = text.ptr, .length = text.len };
    }
};

const NeedOut = extern struct { effect: u8, target: Text, reason: Text };

const ToolInfo = extern struct {
    name: Text,
    title: Text,
    description: Text,
    input_schema: Text,
    has_output_schema: u8,
    output_schema: Text,
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    open_world: bool,
    needs: [*]const NeedOut,
    needs_count: usize,
    extra: Text,
};

const Answer = extern struct { is_error: u8, body: extern union { ok: Text, failure: extern struct { kind: u8, first: Text, second: Text } } };

comptime {
    std.debug.assert(@sizeOf(ToolInfo) == 64 and @sizeOf(NeedOut) == 20 and @sizeOf(Answer) == 24);
}

/// What `describe` returns for `tools`.
pub fn describe(tools: []const Tool) *const anyopaque {
    const infos = allocator.alloc(ToolInfo, tools.len) catch unreachable;
    for (tools, infos) |tool, *out| {
        const needs = allocator.alloc(NeedOut, tool.needs.len) catch unreachable;
        for (tool.needs, needs) |need, *declared| {
            declared.* = .{ .effect = @intFromEnum(need.effect), .target = .of(need.target), .reason = .of(need.reason) };
        }
        out.* = .{
            .name = .of(tool.name),
            .title = .of(tool.title),
            .description = .of(tool.description),
            .input_schema = .of(tool.input_schema),
            .has_output_schema = @intFromBool(tool.output_schema != null),
            .output_schema = .of(tool.output_schema orelse ""),
            .read_only = tool.hints.read_only,
            .destructive = tool.hints.destructive orelse !tool.hints.read_only,
            .idempotent = tool.hints.idempotent,
            .open_world = tool.hints.open_world,
            .needs = needs.ptr,
            .needs_count = needs.len,
            .extra = .of("{}"),
        };
    }
    const list = allocator.create(extern struct { pointer: [*]const ToolInfo, length: usize }) catch unreachable;
    list.* = .{ .pointer = infos.ptr, .length = infos.len };
    return list;
}

/// What `invoke` returns for the tool `name`.
pub fn invoke(tools: []const Tool, name: []const u8, arguments: []const u8) *const anyopaque {
    const answer = allocator.create(Answer) catch unreachable;
    answer.* = switch (run(tools, name, arguments)) {
        .ok => |json| .{ .is_error = 0, .body = .{ .ok = .of(json) } },
        .failure => |failure| .{ .is_error = 1, .body = .{ .failure = .{
            .kind = @intFromEnum(failure),
            .first = .of(switch (failure) {
                .other => |it| it.code,
                .cancelled => "",
                inline else => |message| message,
            }),
            .second = .of(switch (failure) {
                .other => |it| it.message,
                else => "",
            }),
        } } },
    };
    return answer;
}

fn run(tools: []const Tool, name: []const u8, arguments: []const u8) Result {
    for (tools) |tool| {
        if (std.mem.eql(u8, tool.name, name)) return tool.run(arguments);
    }
    return .{ .failure = .{ .invalid_args = "there is no such tool" } };
}
