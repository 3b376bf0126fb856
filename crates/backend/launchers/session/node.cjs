// What is special about Node in a session.
'use strict';

const { Object, String, URL, process } = globalThis;
const net = require('node:net');
const path = require('node:path');
const util = require('node:util');
const vm = require('node:vm');
const { snippet } = require('./describe.cjs');

// As Node decides: a script, unless its syntax says that it is a module.
exports.kinds = ['script', 'module'];
exports.typescript = false;
exports.prepare = (source) => source;
exports.rejectionsAreSeparate = false;
exports.unsettled = { code: 13, message: 'Warning: Detected unsettled top-level await\n' };

exports.scriptName = (program) => program;

exports.meta = ({ program, url, require }) => ({
  dirname: path.dirname(program),
  filename: program,
  main: true,
  resolve: (name) => resolve(name, url, require),
  url,
});

function resolve(name, url, require) {
  if (/^\.{0,2}\//.test(name)) return new URL(name, url).href;
  const found = require.resolve(name);
  return path.isAbsolute(found) ? `file://${found}` : `node:${found.replace(/^node:/, '')}`;
}

exports.describe = (error, { program, source, inspect }) => {
  const isError = util.types.isNativeError(error);
  const text = inspect(error, (value) => (isError ? util.inspect(value) : String(value)));
  const hint = isError ? '' : '\n(Use `node --trace-uncaught ...` to show where the exception was thrown)';
  const at = snippet(error, program, source);
  const where = at ? `${program}:${at.line}\n${at.text}\n${at.caret}\n\n` : '';
  return `${where}${text}${hint}\n\nNode.js ${process.version}\n`;
};

exports.hasWork = () => process.getActiveResourcesInfo().some((kind) => !/Wrap$/.test(kind));

// `process.stdin` as Node makes it for a pipe, one for each call.
let input;

Object.defineProperty(process, 'stdin', {
  configurable: true,
  enumerable: true,
  get: () => (input ??= open()),
});

function open() {
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

exports.newInput = () => {};
exports.endInput = () => {
  input?.destroy();
  input = undefined;
};

// The first import from a script warns that it is experimental. It is ours and not the program's.
const { emitWarning } = process;
process.emitWarning = () => {};
try {
  const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  vm.runInThisContext('import("node:fs")', { importModuleDynamically, filename: __filename });
} finally {
  process.emitWarning = emitWarning;
}
