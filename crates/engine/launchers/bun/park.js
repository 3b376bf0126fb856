// Parks Bun: waits in the middle of its start, before it loads the program.
//
// Preloaded through the environment. It says that it is ready, waits for the program's text on standard
// input, and leaves no trace. Any failure ends the process before it has said that it goes on, and
// the guest starts a plain one. In a worker it does nothing.
'use strict';
{
  // No longer there to be found. Bun enters it again after this has run, some microtasks later, and
  // long before it has loaded the program.
  const cache = require.cache;
  const file = __filename;
  let left = 16;
  const forget = () => {
    delete cache[file];
    if (left-- > 0) queueMicrotask(forget);
  };
  forget();
}
if (process.env.BUN_INSPECT_PRELOAD === __filename) {
  const fs = require('fs');
  try {
    const receive = (count) => {
      const bytes = Buffer.allocUnsafeSlow(count);
      for (let at = 0; at < count;) {
        const read = fs.readSync(0, bytes, at, count - at, null);
        if (read === 0) process.reallyExit(1);
        at += read;
      }
      return bytes;
    };
    delete process.env.BUN_INSPECT_PRELOAD;

    fs.writeSync(1, '\x06');
    const body = receive(parseInt(receive(8).latin1Slice(), 16));
    let at = 0;
    const next = () => {
      const end = body.indexOf(0, at);
      const text = body.utf8Slice(at, end);
      at = end + 1;
      return text;
    };
    const [, path, count] = [next(), next(), next()];
    if (count !== '-') process.reallyExit(1);
    if (path) fs.writeFileSync(path, body.subarray(at));
    fs.writeSync(1, '\x06');
  } catch {
    process.reallyExit(1);
  }
}
