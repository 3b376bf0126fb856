// The parser and the rewriter, in a realm of their own.
//
// A program may replace `Object` or `Array.prototype.push`. The realm has its own, and only strings
// go in and out.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const { parse } = JSON;

const realm = vm.createContext(Object.create(null));
const loaded = Object.create(null);

// A CommonJS file of this directory, evaluated in the realm.
function load(name) {
  if (!(name in loaded)) {
    const file = path.join(__dirname, name);
    const text = fs.readFileSync(file, 'utf8');
    const open = '(function(exports,require,module){';
    const define = vm.runInContext(`${open}${text}\n})`, realm, { filename: file });
    loaded[name] = vm.runInContext('({})', realm);
    define(loaded[name], load, {});
  }
  return loaded[name];
}

const rewrite = load('./rewrite.cjs').asText;

// The parts of a program: see `rewrite.cjs`. Throws `{ message, line, column }` when the parser does not
// follow. `kinds` are those that the program may be of, in the order in which they are tried.
exports.rewrite = (source, kinds) => {
  const parts = parse(rewrite(source, `${kinds}`));
  if (parts.failure) throw parts.failure;
  return parts;
};
