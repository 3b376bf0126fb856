// The descriptors of the standard streams, in Node and Bun.
'use strict';

const fs = require('node:fs');

// Where the guest has its ends of the standard streams.
const PIPES = '/.isol8-session';

const FLAGS = ['r', 'w', 'w'];

// Puts `path` in the place of a descriptor, whatever is there.
function put(descriptor, path, flags) {
  try {
    fs.closeSync(descriptor);
  } catch {
    // The program has closed it.
  }
  const opened = fs.openSync(path, flags);
  if (opened === descriptor) return;
  // One further down was free: it is the one that is in the way.
  put(descriptor, path, flags);
  fs.closeSync(opened);
}

const hasPipes = fs.existsSync(PIPES);

// Opens the streams of a call.
exports.openStreams = () => {
  if (!hasPipes) return;
  for (let descriptor = 0; descriptor < 3; descriptor++) {
    put(descriptor, `${PIPES}/${descriptor}`, FLAGS[descriptor]);
  }
};

// What a program still writes goes nowhere.
exports.muteStreams = () => {
  if (!hasPipes) return;
  for (const descriptor of [1, 2]) put(descriptor, '/dev/null', 'w');
};
