// Parks Deno: waits in the middle of its start, before it loads the program.
//
// Preloaded by a flag, which the program cannot see. It says that it is ready, waits for the
// program's environment and text on standard input, and leaves no trace. Any failure ends the
// process before it has said that it goes on, and the guest starts a plain one. It is TypeScript so
// that Deno's compiler has been at work when the program needs it.
const receive = (count: number): Uint8Array => {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = Deno.stdin.readSync(bytes.subarray(at));
    if (!read) Deno.exit(1);
    at += read;
  }
  return bytes;
};
const decoder = new TextDecoder();
const accept = (body: Uint8Array): void => {
  let at = 0;
  const next = (): string => {
    const end = body.indexOf(0, at);
    const text = decoder.decode(body.subarray(at, end));
    at = end + 1;
    return text;
  };
  const [, path, count] = [next(), next(), next()];
  if (count !== '-') {
    // A request only adds to what is there. Deno sets some itself, and a request with a search path
    // of its own is never handed over.
    for (let left = Number(count); left > 0; left--) {
      const pair = next();
      const middle = pair.indexOf('=');
      const name = pair.slice(0, middle);
      if (name !== 'PATH') Deno.env.set(name, pair.slice(middle + 1));
    }
  }
  if (path) Deno.writeFileSync(path, body.subarray(at));
};
const mark = new Uint8Array([6]);

try {
  // What the program does next, done once: the file is still empty.
  accept(new TextEncoder().encode('/sandbox\0/sandbox/main.mts\0-\0'));
  Deno.inspect({ warm: ['x'] });
  // The launcher's own compiled form.
  try {
    Deno.removeSync(`${Deno.env.get('DENO_DIR')}/gen/file/.isol8`, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }

  Deno.stdout.writeSync(mark);
  accept(receive(parseInt(decoder.decode(receive(8)), 16)));
  Deno.stdout.writeSync(mark);
} catch {
  Deno.exit(1);
}
