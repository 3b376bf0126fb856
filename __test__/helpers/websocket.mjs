// Node 18 and 20 have no WebSocket, and the client without native code uses SSE there. This gives them one with the
// same signature. To be imported for its effect.

import WS from "ws";

globalThis.WebSocket ??= class extends WS {
  constructor(url, { headers }) {
    super(url, { headers });
  }
};
