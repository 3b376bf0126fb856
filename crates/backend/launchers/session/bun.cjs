// What is special about Bun in a session.
'use strict';

const { Bun, Math, Object, RegExp, process, setTimeout } = globalThis;
const fs = require('node:fs');
const path = require('node:path');

exports.kinds = ['module', 'script'];
exports.typescript = true;
exports.rejectionsAreSeparate = true;
exports.unsettled = { code: 13, message: 'Warning: Detected unsettled top-level await\n' };

exports.scriptName = (program) => program;

const transpiler = new Bun.Transpiler({
  loader: 'ts',
  target: 'bun',
  trimUnusedImports: false,
  deadCodeElimination: false,
});

// Most programs are JavaScript, which keeps its lines when it is left alone. But a call with type
// arguments can be read as comparisons, so what looks like one is TypeScript.
exports.prepare = (source) =>
  /[\w$]\s*<[^;{}()]*>\s*[(`]/.test(source) ? exports.stripTypes(source) : source;

exports.stripTypes = (source) => transpiler.transformSync(source);

exports.meta = ({ program, url, require }) => ({
  dir: path.dirname(program),
  dirname: path.dirname(program),
  env: process.env,
  file: path.basename(program),
  filename: program,
  main: true,
  path: program,
  require,
  resolve: (name) => `file://${Bun.resolveSync(name, path.dirname(program))}`,
  url,
});

exports.describe = (error, { inspect, offset, program }) => {
  const shown = inspect(error, (value) => Bun.inspect(value)).trimEnd();
  const text = withoutPrefix(shown, offset).replaceAll(
    new RegExp(`(${program}:1:)(\\d+)`, 'g'),
    (_, place, column) => place + Math.max(1, column - offset),
  );
  return `${text}\n\nBun v${Bun.version} (Linux ${process.arch})\n`;
};

// Bun counts the launcher's text in the first line, and shows it. Takes both away again.
function withoutPrefix(text, offset) {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('1 | (async function($isol8){'));
  if (first >= 0) {
    lines[first] = `1 | ${lines[first].slice(4 + offset)}`;
    if (/^ +\^/.test(lines[first + 1])) lines[first + 1] = lines[first + 1].slice(offset);
  }
  return lines.join('\n');
}

// A rejection that nobody handles is told of one turn after there seems to be nothing left.
let turned = false;
exports.hasWork = () => {
  turned = !turned;
  if (turned) setTimeout(() => {}, 0);
  return turned;
};

let input;

Object.defineProperty(process, 'stdin', {
  configurable: true,
  enumerable: true,
  get: () => (input ??= fs.createReadStream(null, { fd: 0, autoClose: false })),
});

exports.newInput = () => {};
exports.endInput = () => {
  input?.destroy();
  input = undefined;
};
