//! The component: the tools that `src/tool.zig` lists, behind the world's interface.
const tool = @import("tool");
const toolhold = @import("toolhold");

export fn toolhold_describe() *const anyopaque {
    return toolhold.describe(&tool.tools);
}

export fn toolhold_invoke(name: [*]const u8, name_length: usize, arguments: [*]const u8, length: usize) *const anyopaque {
    return toolhold.invoke(&tool.tools, name[0..name_length], arguments[0..length]);
}

extern fn realloc(old: ?*anyopaque, size: usize) ?*anyopaque;

export fn cabi_realloc(old: ?*anyopaque, old_size: usize, alignment: usize, size: usize) ?*anyopaque {
    _ = old_size;
    if (size == 0) return @ptrFromInt(alignment);
    return realloc(old, size) orelse @trap();
}
