// What a tool in JavaScript or TypeScript needs to speak to Toolhold: `tool`, needs, errors, files, and the operator's log.
import * as context from "toolhold:tool/context@0.1.0";
import * as preopens from "wasi:filesystem/preopens@0.2.0";

const tools = new Map();

// What a tool declares to need. The sum of its needs is the most that anybody can grant it.
export const read = (target, reason) => ({ effect: "read", target, reason });
export const write = (target, reason) => ({ effect: "write", target, reason });
export const network = (target, reason) => ({ effect: "network", target, reason });

// Why a tool did not do what it was asked. A model reads the message: name the value, say what to do instead.
export class ToolError extends Error {
  constructor(tag, val, message) {
    super(message ?? val);
    this.tag = tag;
    this.val = val;
  }
}
export const invalidArgs = (message) => new ToolError("invalid-args", message);
export const denied = (message) => new ToolError("denied", message);
export const notFound = (message) => new ToolError("not-found", message);
export const failed = (message) => new ToolError("failed", message);
export const other = (code, message) => new ToolError("other", [code, message], message);

// Declares a tool: `about` is what it says of itself, `run` gets the arguments as an object and returns what JSON has a word for.
export function tool(about, run) {
  tools.set(about.name, { about, run });
}

export const log = (message) => context.log("info", String(message));
export const warn = (message) => context.log("warn", String(message));
export const progress = (done, total, message = "") => context.progress(done, total, message);
export const cancelled = () => context.cancelled();

function info({ about }) {
  const hints = about.hints ?? {};
  return {
    name: about.name,
    title: about.title ?? about.name,
    description: about.description,
    inputSchema: JSON.stringify(about.input),
    outputSchema: about.output === undefined ? undefined : JSON.stringify(about.output),
    hints: {
      readOnly: hints.readOnly ?? false,
      // Without a word a tool counts as one that destroys.
      destructive: hints.destructive ?? !hints.readOnly,
      idempotent: hints.idempotent ?? false,
      openWorld: hints.openWorld ?? false,
    },
    needs: about.needs ?? [],
    extra: "{}",
  };
}

// The world's interface, which the application exports.
export const described = {
  describe: () => [...tools.values()].map(info),
  invoke(name, args) {
    const found = tools.get(name);
    if (!found) throw { tag: "invalid-args", val: `there is no tool \`${name}\`` };
    try {
      return JSON.stringify(found.run(JSON.parse(args)) ?? null);
    } catch (error) {
      // What is no variant of the world's error would be a trap, without a word of why.
      if (error instanceof ToolError) throw { tag: error.tag, val: error.val };
      throw { tag: "failed", val: String(error?.message ?? error) };
    }
  },
};

// -- files ------------------------------------------------------------------------------------------------------------

const CODES = { "no-entry": notFound, access: denied, "not-permitted": denied, "read-only": denied };

// Runs `use` with the granted directory that `path` is in and the rest of the path.
function within(path, use) {
  let best;
  for (const [directory, name] of preopens.getDirectories()) {
    const isIn = path === name || path.startsWith(name.endsWith("/") ? name : `${name}/`);
    if (isIn && !(best && best.name.length > name.length)) best = { directory, name };
  }
  if (!best) throw notFound(`\`${path}\`: does not exist`);
  try {
    return use(best.directory, path.slice(best.name.length).replace(/^\/+/, "") || ".");
  } catch (error) {
    if (error instanceof ToolError) throw error;
    const code = String(error?.payload ?? error?.val ?? error?.message ?? error);
    const say = CODES[code] ?? failed;
    throw say(code === "no-entry" ? `\`${path}\`: does not exist` : `\`${path}\`: ${code}`);
  }
}

// The bytes of a file.
export function readBytes(path) {
  return within(path, (directory, rest) => {
    const file = directory.openAt({ symlinkFollow: true }, rest, {}, { read: true });
    const parts = [];
    let length = 0;
    for (;;) {
      const [part, isEnd] = file.read(65536, length);
      parts.push(part);
      length += part.length;
      if (isEnd || part.length === 0) break;
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  });
}

// Replaces a file, or creates it.
export function writeBytes(path, bytes) {
  within(path, (directory, rest) => {
    const file = directory.openAt({ symlinkFollow: true }, rest, { create: true, truncate: true }, { write: true });
    let at = 0;
    while (at < bytes.length) at += Number(file.write(bytes.subarray(at, at + 65536), at));
  });
}

export const readText = (path) => decode(readBytes(path));
export const writeText = (path, text) => writeBytes(path, encode(text));

// The names in a directory; those of directories end with `/`.
export function list(path) {
  return within(path, (directory, rest) => {
    const opened = directory.openAt({ symlinkFollow: true }, rest, { directory: true }, { read: true });
    const entries = opened.readDirectory();
    const names = [];
    for (let entry; (entry = entries.readDirectoryEntry()); ) {
      names.push(entry.type === "directory" ? `${entry.name}/` : entry.name);
    }
    return names.sort();
  });
}

export const remove = (path) => within(path, (directory, rest) => directory.unlinkFileAt(rest));
export const makeDirectory = (path) => within(path, (directory, rest) => directory.createDirectoryAt(rest));

// The engine has no TextDecoder, and its own functions are much faster than a loop in it.
export function decode(bytes) {
  let units = "";
  for (let at = 0; at < bytes.length; at += 8192) units += String.fromCharCode.apply(null, bytes.subarray(at, at + 8192));
  if (!/[\x80-\xff]/.test(units)) return units;
  try {
    return decodeURIComponent(escape(units));
  } catch {
    return decodeLossy(bytes);
  }
}

// What is not UTF-8 becomes U+FFFD.
function decodeLossy(bytes) {
  let text = "";
  const points = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++];
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : -1;
    let point = more < 0 ? 0xfffd : more === 0 ? first : first & (0x3f >> more);
    for (let left = more; left > 0; left--) {
      if ((bytes[at] & 0xc0) !== 0x80) {
        point = 0xfffd;
        break;
      }
      point = (point << 6) | (bytes[at++] & 0x3f);
    }
    points.push(point > 0x10ffff ? 0xfffd : point);
    if (points.length === 4096) text += String.fromCodePoint(...points.splice(0));
  }
  return text + String.fromCodePoint(...points);
}

export function encode(text) {
  const bytes = [];
  for (const character of text) {
    const point = character.codePointAt(0);
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  }
  return Uint8Array.from(bytes);
}
