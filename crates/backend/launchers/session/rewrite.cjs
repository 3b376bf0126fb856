// Turns a program into scripts whose top-level names live on in the interpreter.
//
// Each top-level name becomes a variable of the global scope, declared once (`let`), and each
// declaration an assignment to it: so a later program finds it, may declare it again, and functions
// of earlier programs see the new value. Function declarations run first, in a script of their own.
// Lines and columns stay what they are: text is overwritten in place, and what is new goes to the end
// of the statement before.
'use strict';

const { getLineInfo, parse } = require('./acorn/acorn.cjs');
const { exits } = require('./exits.cjs');
const { awaiting, children, isFunction, metas, throwing } = require('./tree.cjs');

// The global name of what the scripts need of the launcher.
const HELPER = '$isol8';

// Parameters of a CommonJS module: a declaration of such a name in a script is not of the global scope.
const PARAMETERS = /^(exports|require|module|__filename|__dirname)$/;

const OPTIONS = { ecmaVersion: 'latest', allowHashBang: true };

const KINDS = {
  script: { sourceType: 'script', allowReturnOutsideFunction: true },
  // A script that may wait: what Deno and Bun make of a file.
  sloppy: { sourceType: 'script', allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true },
  module: { sourceType: 'module', allowAwaitOutsideFunction: true },
};

// The parts as JSON, or `{ failure: { message, line, column } }` of what the parser did not follow.
exports.asText = function asText(source, kinds) {
  try {
    return JSON.stringify(rewrite(source, kinds.split(',')));
  } catch (error) {
    if (!error.loc) throw error;
    const message = error.message.replace(/ \(\d+:\d+\)$/, '');
    return JSON.stringify({ failure: { message, ...error.loc } });
  }
};

// `{ kind, strict, names, imports, functions, body, throws }`: the names to declare; what is imported;
// the text that makes the functions, or null; the text of the rest with `shift`, the number of columns
// that its first line is further to the right; and where a value that is no new object is thrown.
function rewrite(source, kinds) {
  const text = source.replace(/^\uFEFF/, '').replace(/^#!/, '//');
  const { tree, kind } = parseAs(text, kinds);
  const program = new Program(text, kind);
  let end = 0;
  for (const statement of tree.body) {
    program.before = end;
    program.topLevel(statement);
    end = statement.end;
  }
  const more = exits(tree, text, kind !== 'script');
  if (text.includes('import.meta')) more.push(...metas(tree).map(standIn));
  program.spread(more);
  return program.finish(tree);
}

function parseAs(source, kinds) {
  let failure;
  for (const kind of kinds) {
    try {
      return { tree: parse(source, { ...OPTIONS, ...KINDS[kind] }), kind };
    } catch (error) {
      // What is further on has understood more.
      if (!failure || error.pos > failure.pos) failure = error;
    }
  }
  throw failure;
}

const blank = (text) => text.replace(/[^\n\r\u2028\u2029]/g, ' ');

class Program {
  constructor(source, kind) {
    this.source = source;
    this.kind = kind;
    this.names = new Set();
    this.imports = [];
    this.before = 0; // where the statement before ends
    this.edits = []; // of the body
    this.functions = []; // declarations, hoisted
    this.functionEdits = [];
  }

  overwrite(start, end, text) {
    this.edits.push({ start, end, text: text.padEnd(end - start) });
  }

  append(position, text) {
    this.edits.push({ start: position, end: position, text });
  }

  // A statement that leaves nothing behind. What surrounds it must not become one statement.
  remove(node) {
    const text = blank(this.source.slice(node.start, node.end));
    this.edits.push({ start: node.start, end: node.end, text: ';' + text.slice(1) });
  }

  topLevel(node) {
    switch (node.type) {
      case 'ImportDeclaration':
        return this.importDeclaration(node);
      case 'ExportAllDeclaration':
        return this.importFrom(node);
      case 'ExportNamedDeclaration':
        if (node.declaration) return this.declaration(node.declaration, node.start);
        if (node.source) return this.importFrom(node);
        return this.remove(node);
      case 'ExportDefaultDeclaration':
        if (/Declaration/.test(node.declaration.type) && node.declaration.id) {
          return this.declaration(node.declaration, node.start);
        }
        // In an object, because its name is `default`.
        this.overwrite(node.start, node.declaration.start, ';({default:');
        return this.append(node.declaration.end, '});');
      default:
        return this.declaration(node, node.start);
    }
  }

  // A declaration that persists, or any other statement. `start` is where its `export` begins.
  declaration(node, start) {
    if (node.type === 'FunctionDeclaration') {
      this.declare(node.id.name);
      this.functions.push(node);
      this.remove({ start, end: node.end });
    } else if (node.type === 'ClassDeclaration') {
      this.declare(node.id.name);
      this.append(this.before, `;${node.id.name}=`);
      this.overwrite(start, node.start, '');
      this.append(node.end, ';');
    } else if (node.type === 'VariableDeclaration' && /^(var|let|const)$/.test(node.kind)) {
      this.variables(node, start, ';');
    } else {
      this.statement(node);
    }
  }

  // Finds `var` wherever it may stand outside of functions.
  statement(node) {
    if (isFunction(node) || /^Class|Expression$/.test(node.type)) return;
    const isList = /^(BlockStatement|SwitchCase)$/.test(node.type);
    for (const child of children(node)) {
      if (child.type !== 'VariableDeclaration') this.statement(child);
      else if (child.kind === 'var') {
        const isHead = /^For/.test(node.type) && child !== node.body;
        this.variables(child, child.start, isList ? ';' : '', isHead);
      }
    }
  }

  variables(node, start, before, isHead = false) {
    const [first] = node.declarations;
    const isLoop = isHead && node.declarations.length === 1 && !first.init;
    const needsBrackets = !isHead && first.id.type === 'ObjectPattern';
    this.overwrite(start, first.start, needsBrackets ? `${before}(` : before);
    for (const declarator of node.declarations) {
      this.pattern(declarator.id);
      // `for (var x of …)` assigns to the name; a `var` without a value leaves the old one.
      if (declarator.init || (isLoop && !this.isPlainFor(node))) continue;
      if (node.kind === 'var') this.overwrite(declarator.start, declarator.end, '0');
      else this.append(declarator.end, '=void 0');
    }
    const { end } = node.declarations.at(-1);
    if (needsBrackets) this.append(end, ')');
  }

  // Whether a declaration without a value is in `for (…;…;…)`: there a semicolon follows.
  isPlainFor(node) {
    return /^\s*;/.test(this.source.slice(node.end));
  }

  pattern(node) {
    switch (node?.type) {
      case 'Identifier':
        return this.declare(node.name);
      case 'ObjectPattern':
        return node.properties.forEach((property) => this.pattern(property.value ?? property));
      case 'ArrayPattern':
        return node.elements.forEach((element) => this.pattern(element));
      case 'AssignmentPattern':
        return this.pattern(node.left);
      case 'RestElement':
        return this.pattern(node.argument);
    }
  }

  declare(name) {
    if (this.kind !== 'script' || !PARAMETERS.test(name)) this.names.add(name);
  }

  importDeclaration(node) {
    const locals = node.specifiers.map(({ type, local, imported }) => {
      if (type === 'ImportNamespaceSpecifier') return [local.name, null];
      const { start, end } = imported ?? local;
      const at = { ...this.place(start), length: end - start };
      return [local.name, imported ? imported.name ?? imported.value : 'default', at];
    });
    this.importFrom(node, locals);
  }

  importFrom(node, locals = []) {
    const attributes = {};
    for (const { key, value } of node.attributes ?? []) attributes[key.name ?? key.value] = value.value;
    this.imports.push({ from: node.source.value, at: this.place(node.source.start), locals, attributes });
    this.remove(node);
  }

  // Adds edits to the scripts to which they belong.
  spread(edits) {
    for (const edit of edits) {
      const inside = this.functions.some(({ start, end }) => start <= edit.start && edit.end <= end);
      (inside ? this.functionEdits : this.edits).push(edit);
    }
  }

  finish(tree) {
    const strict = tree.body.some((statement) => statement.directive === 'use strict');
    const first = this.edits.filter(({ start, end }) => start === 0 && end === 0);
    return {
      kind: this.kind,
      strict: strict || this.kind === 'module',
      names: [...this.names],
      imports: this.imports,
      functions: this.functions.length ? this.hoisted(strict ? "'use strict';" : '') : null,
      body: splice(this.source, this.edits),
      shift: first.reduce((sum, { text }) => sum + text.length, 0),
      throws: this.located('throw', throwing, tree).map((one) => ({ ...one, start: this.place(one.start), end: this.place(one.end) })),
      awaits: this.located('await', awaiting, tree).map((at) => this.place(at)),
    };
  }

  // What `find` yields, if the word is there at all.
  located(word, find, tree) {
    return this.source.includes(word) ? [...find(tree)] : [];
  }

  place(position) {
    return getLineInfo(this.source, position);
  }

  // Their text, at its places. A directive takes the place of the text before, as far as there is some.
  hoisted(directive) {
    let end = 0;
    let text = '';
    const edits = [...this.functionEdits];
    for (const node of this.functions) {
      const head = `${node.id.name}=${node.async ? 'async ' : ''}function${node.generator ? '*' : ''}`;
      edits.push({ start: node.start, end: node.id.end, text: head.padEnd(node.id.end - node.start) });
    }
    for (const node of this.functions) {
      text += blank(this.source.slice(end, node.start)) + splice(this.source, edits, node.start, node.end) + ';';
      end = node.end;
    }
    const room = /^ */.exec(text)[0].length;
    return directive.padEnd(room) + text.slice(room);
  }
}

// The edit by which the launcher's own stands in for an `import.meta`. Both have the same length.
function standIn({ start, end }) {
  return { start, end, text: `${HELPER}.meta`.padEnd(end - start) };
}

// `source` from `from` to `to` with the edits in there applied.
function splice(source, edits, from = 0, to = source.length) {
  let result = '';
  let position = from;
  const inside = edits.filter(({ start, end }) => start >= from && end <= to);
  for (const { start, end, text } of inside.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < position) continue; // within something removed
    result += source.slice(position, start) + text;
    position = end;
  }
  return result + source.slice(position, to);
}
