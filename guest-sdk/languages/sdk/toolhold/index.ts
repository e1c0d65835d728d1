// What a tool in AssemblyScript needs to speak to Toolhold: the canonical ABI of the world `toolhold:tool/described-tool`,
// written down, and files through WASI preview 1.
//
// Every call runs in a fresh instance, so nothing here is ever freed: what is allocated goes away with the call.

// @ts-ignore: decorator
@external("toolhold:tool/context@0.1.0", "log")
declare function contextLog(level: i32, message: usize, length: usize): void;
// @ts-ignore: decorator
@external("toolhold:tool/context@0.1.0", "cancelled")
declare function contextCancelled(): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_get")
declare function fd_prestat_get(fd: i32, prestat: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_dir_name")
declare function fd_prestat_dir_name(fd: i32, name: usize, length: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(fd: i32, follow: i32, path: usize, length: usize, create: i32, rights: i64, inheriting: i64, flags: i32, opened: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, parts: usize, count: usize, got: usize): i32;

export namespace Effect {
  export const READ: u8 = 0;
  export const WRITE: u8 = 1;
  export const NETWORK: u8 = 2;
}

// What a tool declares to need: a glob over guest paths or an origin, and a line for the person who grants it.
export class Need {
  constructor(public effect: u8, public target: string, public reason: string) {}
}

// What comes of a call. Make it by one of the functions below.
export class Result {
  constructor(public kind: i32, public first: string, public second: string = "") {}
}
const OK = -1;

// The result, as the text of a JSON value.
export function ok(json: string): Result { return new Result(OK, json); }
// Why it did not work. A model reads it: name the value, say what to do instead.
export function invalidArgs(message: string): Result { return new Result(0, message); }
export function denied(message: string): Result { return new Result(1, message); }
export function notFound(message: string): Result { return new Result(2, message); }
export function failed(message: string): Result { return new Result(3, message); }
export function other(code: string, message: string): Result { return new Result(5, code, message); }

// One tool. Set what differs, then `register` it.
export class Tool {
  title: string = "";
  description: string = "";
  input: string = "{\"type\":\"object\"}"; // JSON Schema of the arguments
  output: string = ""; // JSON Schema of the result; empty if it may be anything
  readOnly: bool = false;
  destructive: bool = true; // whether it may delete or overwrite; means nothing where `readOnly` is set
  idempotent: bool = false;
  openWorld: bool = false;
  needs: Need[] = [];
  constructor(public name: string, public run: (args: Arguments) => Result) {}
}

const tools: Tool[] = [];
export function register(tool: Tool): void { tools.push(tool); }

// A line for the operator's log.
export function log(message: string): void {
  const bytes = String.UTF8.encode(message);
  contextLog(1, changetype<usize>(bytes), bytes.byteLength);
}

// Whether nobody waits any more.
export function cancelled(): bool { return contextCancelled() != 0; }

// -- JSON -----------------------------------------------------------------------------------------------------------------

// `text` as a JSON string, with its quotes.
export function quote(text: string): string {
  let out = "\"";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x22 || unit == 0x5c) out += "\\" + text.charAt(i);
    else if (unit < 0x20) out += "\\u00" + (unit < 16 ? "0" : "") + unit.toString(16);
    else out += text.charAt(i);
  }
  return out + "\"";
}

// The arguments of a call: a JSON object that conforms to the tool's schema. The host has parsed it before.
export class Arguments {
  private at: i32 = 0;
  constructor(private json: string) {}

  // Whether there is such an argument.
  has(name: string): bool { return this.find(name); }

  // The argument `name`; `otherwise` without it.
  text(name: string, otherwise: string = ""): string {
    return this.find(name) && this.json.charCodeAt(this.at) == 0x22 ? this.string() : otherwise;
  }

  bool(name: string, otherwise: bool): bool {
    if (!this.find(name)) return otherwise;
    const first = this.json.charAt(this.at);
    return first == "t" ? true : first == "f" ? false : otherwise;
  }

  number(name: string, otherwise: f64): f64 {
    if (!this.find(name)) return otherwise;
    const start = this.at;
    this.skip();
    const number = parseFloat(this.json.substring(start, this.at));
    return isNaN(number) ? otherwise : number;
  }

  private space(): void {
    while (this.at < this.json.length && this.json.charCodeAt(this.at) <= 0x20) this.at++;
  }

  private take(character: string): bool {
    this.space();
    if (this.json.charAt(this.at) != character) return false;
    this.at++;
    return true;
  }

  private find(name: string): bool {
    this.at = 0;
    if (!this.take("{")) return false;
    this.space();
    while (this.json.charCodeAt(this.at) == 0x22) {
      const key = this.string();
      if (!this.take(":")) return false;
      this.space();
      if (key == name) return true;
      this.skip();
      if (!this.take(",")) return false;
      this.space();
    }
    return false;
  }

  // Goes over one value.
  private skip(): void {
    let depth = 0;
    while (this.at < this.json.length) {
      const character = this.json.charAt(this.at);
      if (character == "\"") {
        this.string();
        continue;
      }
      if (depth == 0 && (character == "," || character == "}" || character == "]")) return;
      if (character == "{" || character == "[") depth++;
      if (character == "}" || character == "]") depth--;
      this.at++;
    }
  }

  private string(): string {
    let out = "";
    for (this.at++; this.at < this.json.length; this.at++) {
      const character = this.json.charAt(this.at);
      if (character == "\"") break;
      if (character != "\\") {
        out += character;
        continue;
      }
      const escaped = this.json.charAt(++this.at);
      if (escaped == "n") out += "\n";
      else if (escaped == "r") out += "\r";
      else if (escaped == "t") out += "\t";
      else if (escaped == "b") out += "\b";
      else if (escaped == "f") out += "\f";
      else if (escaped == "u") {
        out += String.fromCharCode(<i32>parseInt(this.json.substr(this.at + 1, 4), 16));
        this.at += 4;
      } else out += escaped;
    }
    this.at++;
    return out;
  }
}

// -- files ----------------------------------------------------------------------------------------------------------------

// The text of a file in `text`, or why it cannot be read in `error`.
export class Reading {
  text: string = "";
  error: Result | null = null;
}

export function readText(path: string): Reading {
  const reading = new Reading();
  const found = find(path);
  if (found < 0) {
    reading.error = reason(path, -found);
    return reading;
  }
  const scratch = heap.alloc(16);
  let capacity: usize = 65536, length: usize = 0, bytes = heap.alloc(capacity);
  while (true) {
    if (length == capacity) {
      capacity *= 2;
      bytes = heap.realloc(bytes, capacity);
    }
    store<u32>(scratch, <u32>(bytes + length));
    store<u32>(scratch + 4, <u32>(capacity - length));
    const code = fd_read(found, scratch, 1, scratch + 8);
    if (code != 0) {
      reading.error = reason(path, code);
      return reading;
    }
    const got = load<u32>(scratch + 8);
    if (got == 0) break;
    length += got;
  }
  reading.text = String.UTF8.decodeUnsafe(bytes, length);
  return reading;
}

// Opens a file for reading: its number, or the negative number of an error.
function find(path: string): i32 {
  const scratch = heap.alloc(16);
  let best = -1, bestLength = 0;
  for (let fd = 3; fd_prestat_get(fd, scratch) == 0; fd++) {
    const length = load<u32>(scratch + 4);
    const bytes = heap.alloc(length + 1);
    if (fd_prestat_dir_name(fd, bytes, length) != 0) continue;
    const name = String.UTF8.decodeUnsafe(bytes, length);
    if (name.length > bestLength && path.startsWith(name + "/")) {
      best = fd;
      bestLength = name.length;
    }
  }
  if (best < 0) return -44;
  const rest = String.UTF8.encode(path.substring(bestLength + 1));
  const code = path_open(best, 1, changetype<usize>(rest), rest.byteLength, 0, 2, 0, 0, scratch);
  return code == 0 ? load<i32>(scratch) : -code;
}

// The numbers of WASI.
function reason(path: string, code: i32): Result {
  if (code == 44) return notFound("`" + path + "`: does not exist");
  if (code == 2 || code == 63 || code == 69 || code == 76) return denied("`" + path + "`: the host refused it");
  return failed("`" + path + "`: cannot be read, error " + code.toString());
}

// -- the world ------------------------------------------------------------------------------------------------------------

function putText(at: usize, text: string): void {
  const bytes = String.UTF8.encode(text);
  store<u32>(at, <u32>changetype<usize>(bytes));
  store<u32>(at + 4, bytes.byteLength);
}

export function toolhold_describe(): usize {
  const infos = heap.alloc(64 * tools.length + 8);
  for (let i = 0; i < tools.length; i++) {
    const tool = tools[i], info = infos + 64 * i;
    putText(info, tool.name);
    putText(info + 8, tool.title.length > 0 ? tool.title : tool.name);
    putText(info + 16, tool.description);
    putText(info + 24, tool.input);
    store<u8>(info + 32, tool.output.length > 0 ? 1 : 0);
    putText(info + 36, tool.output);
    store<u8>(info + 44, tool.readOnly ? 1 : 0);
    store<u8>(info + 45, tool.destructive && !tool.readOnly ? 1 : 0);
    store<u8>(info + 46, tool.idempotent ? 1 : 0);
    store<u8>(info + 47, tool.openWorld ? 1 : 0);
    const needs = heap.alloc(20 * tool.needs.length + 1);
    for (let j = 0; j < tool.needs.length; j++) {
      store<u8>(needs + 20 * j, tool.needs[j].effect);
      putText(needs + 20 * j + 4, tool.needs[j].target);
      putText(needs + 20 * j + 12, tool.needs[j].reason);
    }
    store<u32>(info + 48, <u32>needs);
    store<u32>(info + 52, tool.needs.length);
    putText(info + 56, "{}");
  }
  const list = infos + 64 * tools.length;
  store<u32>(list, <u32>infos);
  store<u32>(list + 4, tools.length);
  return list;
}

function run(name: string, json: string): Result {
  for (let i = 0; i < tools.length; i++) {
    if (tools[i].name == name) return tools[i].run(new Arguments(json));
  }
  return invalidArgs("there is no tool `" + name + "`");
}

export function toolhold_invoke(name: usize, nameLength: usize, json: usize, jsonLength: usize): usize {
  const result = run(String.UTF8.decodeUnsafe(name, nameLength), String.UTF8.decodeUnsafe(json, jsonLength));
  const answer = heap.alloc(24);
  store<u8>(answer, result.kind == OK ? 0 : 1);
  if (result.kind == OK) {
    putText(answer + 4, result.first);
  } else {
    store<u8>(answer + 4, <u8>result.kind);
    putText(answer + 8, result.first);
    putText(answer + 16, result.second);
  }
  return answer;
}

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (size == 0) return align;
  return old == 0 ? heap.alloc(size) : heap.realloc(old, size);
}
