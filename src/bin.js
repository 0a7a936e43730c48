#!/usr/bin/env node
// Plain JavaScript, so that an old Node prints this message instead of a SyntaxError.
const needed = 26;
if (Number.parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(
    `dfsync: needs Node ${needed} or newer, found ${process.versions.node}; install it, or run "npm ci" and "npx dfsync"\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import('../dist/main.js');
  await main(process.argv.slice(2));
}
