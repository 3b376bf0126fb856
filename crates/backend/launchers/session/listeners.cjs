// Ends of calls in Bun and Deno: what has no hook there is found by listening, as programs do.
'use strict';

const { Map, Number, Promise, Set, process, setTimeout } = globalThis;

const own = new Map();
const atStart = new Set(process.listeners('exit'));
let engine;

function listen(event, listener) {
  own.set(listener, event);
  process.on(event, listener);
}

// Puts back what a program has removed.
function restore() {
  for (const [listener, event] of own) {
    if (!process.listeners(event).includes(listener)) process.on(event, listener);
  }
}
exports.restore = restore;

// Calls `turn` when the event loop is empty, and `fail` with what nobody has caught.
exports.install = (given, { errors }) => {
  engine = given;
  const { turn } = engine;
  // Last of the listeners, so that the program's own come before.
  listen('beforeExit', turn);
  listen('newListener', (event, listener) => {
    if (event !== 'beforeExit' || listener === turn) return;
    process.nextTick(() => {
      process.removeListener('beforeExit', turn);
      process.on('beforeExit', turn);
    });
  });
  // Without `turn`, the interpreter would end with the program that removes all listeners.
  listen('removeListener', (_event, listener) => {
    if (own.has(listener)) process.nextTick(restore);
  });
  for (const event of errors) caught(event);
};

// A program that handles such errors has the last word, as in a process of its own.
function caught(event) {
  listen(event, (error) => {
    if (hasListener(event)) return;
    const current = engine.current();
    if (current && !current.over) exports.exiting(1);
    engine.fail(error, current);
  });
}

function hasListener(event) {
  return process.listeners(event).some((listener) => !own.has(listener));
}
exports.hasListener = hasListener;

// What a process does in `exit`, up to the point where it would end.
exports.exiting = (code) => {
  if (code !== undefined) process.exitCode = code;
  process.emit('exit', Number(process.exitCode || 0));
  return Number(process.exitCode || 0);
};

// What the listeners of a call were for is over. Bun does not forget an exit code.
exports.endCall = () => {
  process.exitCode = undefined;
  if (process.exitCode !== undefined) process.exitCode = 0;
  for (const event of ['exit', 'beforeExit']) {
    for (const listener of process.listeners(event)) {
      if (!own.has(listener) && !atStart.has(listener)) process.removeListener(event, listener);
    }
  }
};

// Runs a module where nothing of ours is below it: in Deno from a microtask, as Deno itself does, and
// in Bun not.
exports.start = ({ link, prepare, run }, { inMicrotask }, done, failed) => {
  setTimeout(() => {
    if (link) return link().then(prepare).then(run).then(done, failed);
    if (inMicrotask) return Promise.resolve().then(prepare).then(run).then(done, failed);
    prepare();
    run().then(done, failed);
  }, 0);
};
