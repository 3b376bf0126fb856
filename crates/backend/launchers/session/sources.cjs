// The texts of earlier programs: all have the same file name, and an error may come from any of them.
'use strict';

const { RegExp } = globalThis;

// What is kept of them, in characters.
const MAX_TOTAL = 256 * 1024;

const earlier = [];
let total = 0;

// Keeps a program for as long as there is room. To be called when its call is over.
exports.remember = ({ source = '', parts, shift }) => {
  earlier.unshift({ source, parts, shift });
  total += source.length;
  while (total > MAX_TOTAL) total -= earlier.pop().source.length;
};

// The name of the function of the first frame that is in `file`, or nothing.
function firstFunction(stack, file) {
  for (const line of stack.split('\n')) {
    if (!/^ +at /.test(line) || !line.includes(file)) continue;
    const [, name] = /^ +at (?:async )?(?:new )?(?:[^ (]*\.)?([\p{ID_Start}$_][\p{ID_Continue}$]*) /u.exec(line) ?? [];
    return name;
  }
}

// Whether a text defines a function of this name.
function defines(source, name) {
  const escaped = name.replaceAll('$', '\\$');
  const modifiers = '(?:async |static |get |set |\\*|#)*';
  const forms = [`(?:function\\s*\\*?|class)\\s+${escaped}\\b`, `\\b${escaped}\\s*[=:](?!=)`];
  return new RegExp(`${forms.join('|')}|(?:^|[{};,])\\s*${modifiers}${escaped}\\s*\\([^)]*\\)\\s*\\{`, 'm').test(source);
}

// The program whose function has made an error: the one of the call, or the last that defines it.
exports.owner = (stack, call) => {
  const name = firstFunction(stack, call.program);
  if (!name || name === 'anonymous' || defines(call.source ?? '', name)) return call;
  const found = earlier.find(({ source }) => defines(source, name));
  return found ? { ...call, ...found } : call;
};
