// What kind of a file a program of Node is, what is wrong with one that cannot be read, and `import.meta`.
'use strict';

const { JSON, Object, SyntaxError, URL } = globalThis;
const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { positioned } = require('./describe.cjs');

// What a module in a script says: then Node takes a file for a module.
const IS_MODULE = /^(Cannot use (import statement|'import\.meta')|Unexpected token 'export'|await is only valid)/;

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];

// A package says what its files are, and else the syntax does.
exports.kinds = function kinds(program) {
  for (let at = path.dirname(program); ; at = path.dirname(at)) {
    try {
      const { type } = JSON.parse(fs.readFileSync(path.join(at, 'package.json'), 'utf8'));
      if (type === 'module') return ['module'];
      return type === 'commonjs' ? ['script'] : ['script', 'module'];
    } catch {
      // None, or none that can be read: Node says so when it loads the program.
    }
    if (at === path.dirname(at)) return ['script', 'module'];
  }
};

// What the parser does not follow is one or the other by what Node has to say of it.
exports.looksLikeModule = function looksLikeModule(source) {
  try {
    vm.compileFunction(source, PARAMETERS);
    return false;
  } catch (error) {
    return IS_MODULE.test(error.message);
  }
};

// The engine's own words for what is wrong; where it is, the parser knows.
exports.newSyntax = function newSyntax({ failure, source }, url) {
  const text = source.replace(/^\s*(import\b[^(.].*?['"][^'"]*['"]|export\b(\s+default\b)?)/gm, (all) => ' '.repeat(all.length));
  let message = failure.message;
  try {
    new vm.Script(`(async function(){'use strict';${text}\n})`);
  } catch (error) {
    message = error.message;
  }
  return positioned(new SyntaxError(message), failure);
};

exports.meta = (program, url) => {
  const require = nodeModule.createRequire(program);
  return Object.assign(Object.create(null), {
    dirname: path.dirname(program),
    filename: program,
    main: true,
    resolve(name) {
      if (/^\.{0,2}\//.test(name)) return new URL(name, url).href;
      const found = require.resolve(name);
      return path.isAbsolute(found) ? pathToFileURL(found).href : `node:${found.replace(/^node:/, '')}`;
    },
    url,
  });
};
