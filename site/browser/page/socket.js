// A WebSocket of this page to a server among the lesson's cells. What is addressed to 127.0.0.1 goes to the worker,
// where bridge.py connects; everything else is the browser's.
export function bridge(post) {
  const sockets = new Map();
  const Native = window.WebSocket;

  class ToACell extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    readyState = 0;
    binaryType = "arraybuffer";

    constructor(url) {
      super();
      this.url = url;
      this.number = sockets.size;
      sockets.set(this.number, this);
      post("open", this.number, url);
    }

    send(text) {
      post("send", this.number, text);
    }

    close(code = 1000, reason = "") {
      if (this.readyState < 2) this.readyState = 2;
      post("close", this.number, code, reason);
    }

    // What the worker tells of this connection.
    heard({ event, value, more }) {
      if (event === "open") this.readyState = 1;
      if (event === "close") {
        if (this.readyState === 3) return;
        this.readyState = 3;
      }
      const data = value instanceof Uint8Array ? value.slice().buffer : value;
      const fields = event === "close" ? { code: value, reason: more } : { data };
      this.dispatchEvent(Object.assign(new Event(event), fields));
    }
  }

  window.WebSocket = new Proxy(Native, {
    construct: (_, [url, ...rest]) =>
      new URL(url, location.href).hostname === "127.0.0.1" ? new ToACell(String(url)) : new Native(url, ...rest),
  });
  return {
    heard: (data) => sockets.get(data.number).heard(data),
    lost: () => sockets.forEach((socket) => socket.heard({ event: "close", value: 1006, more: "" })), // Python has ended
  };
}
