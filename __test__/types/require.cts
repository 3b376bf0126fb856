// The same package by `require`: the types must be CommonJS there.

import isol8 = require("@isol8/core");

const engine: isol8.Isol8Engine = new isol8.DockerIsol8();
export const run = (request: isol8.ExecutionRequest): Promise<isol8.ExecutionResult> =>
  engine.execute(request);
