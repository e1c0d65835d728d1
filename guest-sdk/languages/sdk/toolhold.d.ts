// The types of `toolhold.js`.
export type Need = { effect: "read" | "write" | "network"; target: string; reason: string };
/** What is left out is false, but `destructive`: without it a tool that is not `readOnly` counts as one that destroys. */
export type Hints = { readOnly?: boolean; destructive?: boolean; idempotent?: boolean; openWorld?: boolean };
export type About = {
  name: string;
  title?: string;
  description: string;
  /** JSON Schema of the arguments; its root is an object. */
  input: object;
  /** JSON Schema of the result. */
  output?: object;
  hints?: Hints;
  needs?: Need[];
};
export function tool<Arguments>(about: About, run: (given: Arguments) => unknown): void;

export function read(target: string, reason: string): Need;
export function write(target: string, reason: string): Need;
export function network(target: string, reason: string): Need;

export class ToolError extends Error {}
export function invalidArgs(message: string): ToolError;
export function denied(message: string): ToolError;
export function notFound(message: string): ToolError;
export function failed(message: string): ToolError;
export function other(code: string, message: string): ToolError;

export function log(message: string): void;
export function warn(message: string): void;
export function progress(done: number, total?: number, message?: string): void;
export function cancelled(): boolean;

export function readBytes(path: string): Uint8Array;
export function writeBytes(path: string, bytes: Uint8Array): void;
export function readText(path: string): string;
export function writeText(path: string, text: string): void;
export function list(path: string): string[];
export function remove(path: string): void;
export function makeDirectory(path: string): void;
export function decode(bytes: Uint8Array): string;
export function encode(text: string): Uint8Array;
