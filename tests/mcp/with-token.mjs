// Gives each request the token that the conformance suite has no way to send, and changes nothing else of it.

import http from 'node:http';

const [target, token] = process.argv.slice(2);
const { hostname, port } = new URL(target);

const server = http.createServer((request, response) => {
  const here = `127.0.0.1:${server.address().port}`;
  const there = `${hostname}:${port}`;
  // This address stands for the server's; any other name stays, for the server to refuse.
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  for (const name of ['host', 'origin']) {
    if (headers[name]) headers[name] = headers[name].replace(here, there);
  }
  const onwards = http.request({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onwards.on('error', () => response.destroy());
  response.on('close', () => onwards.destroy());
  request.pipe(onwards);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
// It lives as long as something holds its standard input.
process.stdin.resume().on('end', () => process.exit(0));
