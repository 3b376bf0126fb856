// The standard streams of a call, in Node.
'use strict';

const { Object, Set, console, process } = globalThis;
const fs = require('node:fs');
const net = require('node:net');
const { Readable, Writable } = require('node:stream');
const { openStreams } = require('./descriptors.cjs');

const NAMES = ['stdin', 'stdout', 'stderr'];

const native = NAMES.map((name) => Object.getOwnPropertyDescriptor(process, name).get);

// The streams that programs have asked for, those of Node's own making first.
const made = [];
const used = new Set();
const ended = new Set();
const properties = [];

// A stream is made when it is asked for. Its getter has the name that Node gives it.
for (const [descriptor, name] of NAMES.entries()) {
  const getter = {
    [native[descriptor].name]: () => (made[descriptor] ??= make(descriptor)),
  };
  properties.push({ configurable: true, enumerable: true, get: getter[native[descriptor].name], set: undefined });
}

exports.streams = {
  open() {
    openStreams();
    for (const descriptor of [1, 2]) renew(descriptor);
  },
  close() {
    made[0]?.destroy();
    made[0] = undefined;
    for (const [descriptor, name] of NAMES.entries()) {
      Object.defineProperty(process, name, properties[descriptor]);
    }
  },
};

// Node's own, or one like it: Node keeps what it has made, and makes no other.
function make(descriptor) {
  if (!used.has(descriptor)) {
    used.add(descriptor);
    return watched(native[descriptor].call(process), descriptor);
  }
  return descriptor === 0 ? input() : output(descriptor);
}

// Node's own streams look like new when they have ended, and can no longer be written to.
function watched(stream, descriptor) {
  const { _final } = stream;
  const value = function (done) {
    ended.add(descriptor);
    return _final.call(this, done);
  };
  if (_final) Object.defineProperty(stream, '_final', { value, configurable: true, writable: true });
  return stream;
}

// Forgets an output stream that a program has ended, and what a program has put in its place.
function renew(descriptor) {
  const stream = made[descriptor];
  if (!stream) return;
  if (Object.hasOwn(stream, 'write')) delete stream.write;
  if (!ended.has(descriptor) && !stream.writableEnded && !stream.destroyed && !stream.errored && !isStuck(stream)) return;
  ended.delete(descriptor);
  made[descriptor] = undefined;
  console[`_${NAMES[descriptor]}`] = undefined;
}

// An interruption may come in the middle of a write. The stream would keep for itself whatever comes later.
function isStuck(stream) {
  return stream.writableLength > 0 || stream.writableCorked > 0 || stream._writableState?.writing === true;
}

// It writes at once, as Node does to a pipe, and cannot be destroyed.
function output(fd) {
  const stream = new Writable({
    decodeStrings: true,
    write(chunk, _, done) {
      try {
        for (let at = 0; at < chunk.length; ) at += fs.writeSync(fd, chunk, at);
        done();
      } catch (error) {
        done(error);
      }
    },
  });
  stream.destroySoon = stream.destroy;
  stream._destroy = (error, done) => done(error);
  return Object.assign(stream, { fd, _type: 'pipe', _isStdio: true });
}

function isPipe(descriptor) {
  try {
    return fs.fstatSync(descriptor).isFIFO();
  } catch {
    return false;
  }
}

// As Node makes `process.stdin` for a pipe.
function input() {
  if (!isPipe(0)) return new Readable({ read() { this.push(null); } });
  const stdin = new net.Socket({ fd: 0, readable: true, writable: false, manualStart: true });
  stdin.fd = 0;
  stdin.on('pause', () => {
    process.nextTick(() => {
      if (!stdin._handle?.reading || stdin.readableFlowing) return;
      stdin._handle.reading = false;
      stdin._handle.readStop();
    });
  });
  return stdin;
}

for (const [descriptor, name] of NAMES.entries()) Object.defineProperty(process, name, properties[descriptor]);
