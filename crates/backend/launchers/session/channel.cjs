// What the guest and the launcher say to each other.
//
// Node and Bun open the pipes by name for each message, so that a program finds no descriptor of them. Deno
// has the right to do so at its start only, and keeps what it has opened.
'use strict';

const { Buffer, Deno, Number } = globalThis;
const { closeSync, constants, existsSync, openSync, readSync, writeSync } = require('node:fs');

const PIPES = '/.isol8-session';
const COMMANDS = 'commands';
const REPORTS = 'reports';
const HANDED_OVER = { [COMMANDS]: 250, [REPORTS]: 251 };

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const byName = !Deno && existsSync(PIPES);
const held = {};
let last = null;

// What `work` returns, which gets an open descriptor of a pipe.
function use(name, flags, work) {
  if (!byName) return work(held[name]);
  const descriptor = open(`${PIPES}/${name}`, flags);
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

// A program may have taken all descriptors. Between two calls nobody reads standard input.
function open(path, flags) {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
    closeSync(0);
    return openSync(path, flags);
  }
}

for (const [name, descriptor] of [[COMMANDS, HANDED_OVER[COMMANDS]], [REPORTS, HANDED_OVER[REPORTS]]]) {
  if (!byName) held[name] = openSync(`/dev/fd/${descriptor}`, name === COMMANDS ? 'r' : 'w');
  try {
    closeSync(descriptor);
  } catch {
    // Deno lends out no descriptor that it has not opened.
  }
}

// Returns the next command, or null when the guest has closed the pipe.
exports.readCommand = () =>
  use(COMMANDS, O_RDONLY, (descriptor) => {
    const buffer = Buffer.alloc(65536);
    let data = Buffer.alloc(0);
    for (;;) {
      const fields = data.toString('utf8').split('\0');
      fields.pop();
      if (fields.length > 0 && fields[0] === last) {
        // That call was to be interrupted, and is over.
        data = data.subarray(last.length + 1);
        continue;
      }
      if (fields.length >= 4 && fields.length >= 4 + 2 * Number(fields[3])) {
        const [number, program, cwd] = fields;
        const env = [];
        for (let i = 4; i < fields.length; i += 2) env.push([fields[i], fields[i + 1]]);
        last = number;
        return { number, program, cwd, env };
      }
      const count = readSync(descriptor, buffer);
      if (count === 0) return null;
      data = Buffer.concat([data, buffer.subarray(0, count)]);
    }
  });

// Whether it is the guest that interrupts the call.
exports.isInterrupted = () => {
  try {
    return use(COMMANDS, O_RDONLY | O_NONBLOCK, (descriptor) => {
      const buffer = Buffer.alloc(64);
      return buffer.toString('latin1', 0, readSync(descriptor, buffer)) === `${last}\0`;
    });
  } catch {
    return false;
  }
};

// `line` is the number of the call, and its exit code at its end.
exports.report = (line) => use(REPORTS, O_WRONLY, (descriptor) => writeSync(descriptor, `${line}\n`));
