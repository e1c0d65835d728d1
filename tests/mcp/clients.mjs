// The official TypeScript clients (both lines of the SDK) against the program, over each transport and in each revision.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, bin, manifest, url, token] = process.argv.slice(2);
const require = createRequire(join(modules, 'x.js'));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const only = process.env.TRANSPORT;

const newer = { ...(await load('@modelcontextprotocol/client')), ...(await load('@modelcontextprotocol/client/stdio')) };
const older = {
  ...(await load('@modelcontextprotocol/sdk/client/index.js')),
  ...(await load('@modelcontextprotocol/sdk/client/stdio.js')),
  ...(await load('@modelcontextprotocol/sdk/client/streamableHttp.js')),
};

const transports = {
  stdio: (sdk) => new sdk.StdioClientTransport({ command: bin, args: ['--manifest', manifest, 'mcp'], stderr: 'inherit' }),
  http: (sdk) =>
    new sdk.StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
};

const text = (result) => result.content[0].text;

async function use(line, transport, mode) {
  const sdk = line === 'newer' ? newer : older;
  const client = new sdk.Client({ name: 'typescript', version: '1' }, mode ? { versionNegotiation: { mode } } : {});
  // Calls of the older line take the schema of the answer between the request and the options.
  const call = (name, args, options) =>
    line === 'newer'
      ? client.callTool({ name, arguments: args }, options)
      : client.callTool({ name, arguments: args }, undefined, options);
  await client.connect(transports[transport](sdk));
  const listed = (await client.listTools()).tools.map((tool) => tool.name);
  assert.deepEqual(listed, [...listed].sort());
  assert(listed.includes('files__read') && !listed.includes('files__delete'), listed.join());

  assert(text(await call('files__read', { path: '/work/notes.md' })).includes('# Notes'));
  assert.equal((await call('conformance__test_audio_content', {})).content[0].mimeType, 'audio/wav');
  assert.equal((await call('conformance__test_multiple_content_types', {})).content.length, 3);

  const heard = [];
  await call('conformance__test_tool_with_progress', {}, { onprogress: (told) => heard.push(told.progress) });
  assert.deepEqual(heard, [0, 50, 100]);

  const denied = await call('files__write', { path: '/work/notes.md', content: 'x' });
  assert(denied.isError && text(denied).includes('granted are paths below'), JSON.stringify(denied));
  assert.equal(readFileSync(join(dirname(manifest), 'work/notes.md'), 'utf8'), '# Notes\n');

  // The client gives up; the guest, which would sleep for ever, is stopped.
  const given = new AbortController();
  const running = call('wait__sleep_forever', {}, { signal: given.signal });
  setTimeout(() => given.abort('enough'), 500);
  await assert.rejects(running);
  assert(!(await call('files__read', { path: '/work/notes.md' })).isError);
  await client.close();
  console.log(`typescript ${line} ${transport} ${mode ? JSON.stringify(mode) : ''}: ok`);
}

for (const transport of ['stdio', 'http']) {
  if (only && only !== transport) continue;
  await use('older', transport);
  await use('newer', transport, 'legacy');
  await use('newer', transport, { pin: '2026-07-28' });
}
