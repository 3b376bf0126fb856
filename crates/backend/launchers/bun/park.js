// Parks Bun: waits in the middle of its start, before it loads the program.
//
// Preloaded by a bunfig.toml that exists only until this has run. It says that it is ready, waits for
// the program's text on standard input, and leaves no trace. Any failure ends the process before it
// has said that it goes on, and the guest starts a plain one. In a worker it does nothing.
//
// The C library does the work: `node:fs` would change the order in which the program's first ticks
// and microtasks run, and Bun's own files would take descriptors. It is called through what `bun:ffi`
// itself is made of: to load that module takes 1.5 ms. Without its conversions a pointer is a number,
// and no length is more than 32 bits.
if (Bun.isMainThread) {
  const { dlopen, ptr } = Bun.FFI;
  const library = dlopen('libc.so.6', {
    read: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
    write: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
    creat: { args: ['ptr', 'u32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
    unlink: { args: ['ptr'], returns: 'i32' },
    _exit: { args: ['i32'], returns: 'void' },
  });
  const c = library.symbols;
  const text = (string) => ptr(new TextEncoder().encode(`${string}\0`));
  if (c.unlink(text('/sandbox/bunfig.toml')) === 0) {
    const transfer = (call, file, bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const count = call(file, ptr(bytes, at), bytes.length - at);
        if (count <= 0) c._exit(1);
        at += count;
      }
      return bytes;
    };
    const decoder = new TextDecoder();
    const mark = new Uint8Array([6]);

    transfer(c.write, 1, mark);
    const length = parseInt(decoder.decode(transfer(c.read, 0, new Uint8Array(8))), 16);
    const body = transfer(c.read, 0, new Uint8Array(length));
    let at = 0;
    const next = () => {
      const end = body.indexOf(0, at);
      const text = decoder.decode(body.subarray(at, end));
      at = end + 1;
      return text;
    };
    const [, path, count] = [next(), next(), next()];
    if (count !== '-') c._exit(1);
    if (path) {
      const file = c.creat(text(path), 0o666);
      if (file < 0) c._exit(1);
      transfer(c.write, file, body.subarray(at));
      c.close(file);
    }
    transfer(c.write, 1, mark);
    library.close();
    // No longer there to be found. Bun enters it when this has ended, some microtasks from now and
    // long before it has loaded the program.
    const cache = require.cache;
    const own = __filename;
    let left = 16;
    const forget = () => {
      delete cache[own];
      if (left-- > 0) queueMicrotask(forget);
    };
    forget();
  }
}
