// Makes of a program's text what runs it: in the one global scope, with the names of earlier programs.
'use strict';

const { Error, Object, Set, Symbol, SyntaxError, TypeError } = globalThis;
const { keys } = Object;

const fs = require('node:fs');
const { isBuiltin = () => false } = require('node:module');
const vm = require('node:vm');
const { positioned } = require('./describe.cjs');
const { rewrite } = require('./realm.cjs');

const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;

// Columns of what is before a module's text.
const OPEN = 31;

// Names that have a variable of the global scope.
const declared = new Set();

// The source of a program: as the file says, but for a mark at its beginning.
exports.sourceOf = (program) => fs.readFileSync(program, 'utf8').replace(/^\uFEFF/, '');

// `text` as a script of `program` whose first line is `shift` columns further to the right.
function script(text, filename, shift = 0) {
  return vm.runInThisContext(text, { filename, columnOffset: 0 - shift, importModuleDynamically });
}
exports.script = script;

// What programs find under the name `$isol8`.
exports.provide = (helper) => {
  vm.runInThisContext('let $isol8');
  vm.runInThisContext('(value) => { $isol8 = value }')(helper);
};

// Gives each name a variable of the global scope. Where that is refused, it is one of the global
// object that cannot be replaced, and assigning to it is all there is to do.
function declare(names) {
  for (const name of names) {
    if (declared.has(name)) continue;
    declared.add(name);
    try {
      vm.runInThisContext(`let ${name};`);
    } catch {}
  }
}

// Gives names of the global scope these values.
exports.keep = (values) => {
  declare(keys(values));
  for (const name of keys(values)) setter(name)(values[name]);
};

// The parts of a program, its names declared.
exports.parts = (source, kinds) => {
  const parts = rewrite(source, kinds);
  declare(parts.names);
  return parts;
};

// Makes of a module `link`, which imports what it imports, or is null; `prepare`, which makes its
// functions; and `run`. The first line of both scripts is `shift` columns further to the right.
exports.asModule = (parts, filename, load) => {
  const open = `(async function(){${parts.strict ? "'use strict';" : ''}`.padEnd(OPEN);
  const shift = OPEN + parts.shift;
  const functions = parts.functions && `${open.replace('async ', '')}      ${' '.repeat(parts.shift)}${parts.functions}`;
  const body = script(`${open}${parts.body}\n})`, filename, shift);
  return {
    shift,
    link: parts.imports.length ? () => link(parts.imports, load) : null,
    prepare: () => functions && script(`${functions}\n})`, filename, shift)(),
    // Bound, because a module has no `this`, and is called by nobody.
    run: body.bind(undefined),
  };
};

function setter(name) {
  return vm.runInThisContext(`(value) => { ${name} = value }`);
}

// Imports as a module does. What its own files export stays connected: a name is a property of the
// global object that asks the module for its value.
async function link(imports, load) {
  for (const { from, at: origin, locals, attributes } of imports) {
    const loading = load(from, keys(attributes).length ? { with: attributes } : undefined);
    const found = await loading.catch((error) => {
      throw withOrigin(error, origin);
    });
    for (const [local, name, at] of locals) {
      if (name !== null && !(name in found)) throw missing(from, name, at);
      if (name === null || isBuiltin(from) || declared.has(local)) {
        declare([local]);
        setter(local)(name === null ? found : found[name]);
      } else {
        Object.defineProperty(globalThis, local, {
          configurable: true,
          enumerable: false,
          get: () => found[name],
          set() {
            throw new TypeError('Assignment to constant variable.');
          },
        });
      }
    }
  }
}

// Property of an error that has come before anything ran: where the program asks for the module.
const ORIGIN = Symbol('origin');

function withOrigin(error, at) {
  const hasRun = !(error instanceof Error) || /\n +at (?!.*\/\.isol8\/)/.test(error.stack);
  return hasRun ? error : Object.defineProperty(error, ORIGIN, { value: at, configurable: true });
}
exports.importedAt = (error) => error?.[ORIGIN];

function missing(from, name, at) {
  const problem = `does not provide an export named '${name}'`;
  return positioned(new SyntaxError(`The requested module '${from}' ${problem}`), at);
}
