// Parks Node: waits in the middle of its start, before it loads the program.
//
// Preloaded through NODE_OPTIONS. It says that it is ready, waits for the program's environment,
// directory and text on standard input, and leaves no trace. Any failure ends the process before
// it has said that it goes on, and the guest starts a plain one. In a worker it does nothing.
'use strict';
{
  const Module = module.constructor;
  // No longer there to be found, here and in every worker.
  delete Module._cache[__filename];
  for (const key in Module._pathCache) {
    if (Module._pathCache[key] === __filename) delete Module._pathCache[key];
  }
  process._preload_modules.length = 0;
  if (process.env.NODE_OPTIONS === `--require ${__filename}`) {
    try {
      const fs = require('fs');
      const receive = (count) => {
        const bytes = Buffer.allocUnsafeSlow(count);
        for (let at = 0; at < count;) {
          const read = fs.readSync(0, bytes, at, count - at, null);
          if (read === 0) process.reallyExit(1);
          at += read;
        }
        return bytes;
      };
      const accept = (body) => {
        let at = 0;
        const next = () => {
          const end = body.indexOf(0, at);
          const text = body.utf8Slice(at, end);
          at = end + 1;
          return text;
        };
        const [cwd, path, count] = [next(), next(), next()];
        if (cwd !== process.cwd()) process.chdir(cwd);
        if (count !== '-') {
          for (const name of Object.keys(process.env)) delete process.env[name];
          for (let left = Number(count); left > 0; left--) {
            const pair = next();
            const middle = pair.indexOf('=');
            process.env[pair.slice(0, middle)] = pair.slice(middle + 1);
          }
        }
        if (path) fs.writeFileSync(path, body.subarray(at));
      };
      // What Node itself loads for this variable, right after the launcher.
      const loadProxy = () => {
        fetch().catch(() => {});
        require('http');
      };
      // What the first line of output loads and compiles, which is most of a short program: a line
      // that goes nowhere. The real streams must not be made yet: that changes the descriptors.
      const printOnce = () => {
        const { Socket } = require('net');
        require('tty');
        const { Console } = require('console');
        const nothing = () => 0;
        const handle = {
          getAsyncId: () => 1,
          close: nothing,
          readStart: nothing,
          readStop: nothing,
          ref: nothing,
          unref: nothing,
          setBlocking: nothing,
          writeUtf8String: nothing,
          writeLatin1String: nothing,
        };
        // A tick takes an asynchronous id, and the program counts them.
        const { nextTick } = process;
        process.nextTick = (call, ...values) => call(...values);
        const stdout = new Socket({ handle, readable: false, writable: true });
        // In older versions what knows colors makes standard error when it is loaded.
        const colorMode = parseInt(process.versions.node) < 24 ? false : 'auto';
        new Console({ stdout, colorMode }).log('x');
        process.nextTick = nextTick;
      };
      delete process.env.NODE_OPTIONS;
      const proxied = process.env.NODE_USE_ENV_PROXY === '1';
      if (proxied) loadProxy();
      const loaded = process.moduleLoadList.length;
      // Node then sets it up: once before, and taken back, so that it is loaded and compiled.
      if (proxied) require('http').setGlobalProxyFromEnv?.()();
      printOnce();
      process.moduleLoadList.length = loaded;
      accept(Buffer.from(`${process.cwd()}\0/dev/null\0-\0x`));
      const preload = process.env.ISOL8_PRELOAD;
      if (preload) {
        delete process.env.ISOL8_PRELOAD;
        const load = Module.createRequire('/sandbox/main.mjs');
        for (const name of preload.split(' ')) {
          try {
            load(name);
          } catch (error) {
            fs.writeSync(2, `preload ${name}: ${String(error).split('\n')[0].slice(0, 1000)}`);
            process.reallyExit(1);
          }
        }
      }

      fs.writeSync(1, '\x06');
      accept(receive(parseInt(receive(8).latin1Slice(), 16)));
      fs.writeSync(1, '\x06');
    } catch {
      process.reallyExit(1);
    }
  }
}
