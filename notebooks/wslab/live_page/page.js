function startLivePages(page) {
  const MAX_LINES = 200;
  const MAX_CHARACTERS = 2000; // of a message
  const isVsCode = location.protocol === "vscode-webview:";
  const isInPage = "runsHere" in document.documentElement.dataset; // the page runs the cells itself

  // Where the endpoint is for this browser; null in a copy of the notebook that no server is near to.
  function findEndpoint({ port, path, proxy }) {
    const config = document.getElementById("jupyter-config-data"); // a page of JupyterLab or Jupyter Notebook has it
    if (port === "0" || !(config || isVsCode || isInPage)) return null;
    const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
    if (isVsCode || isInPage || (isHere && proxy === undefined)) {
      return { url: `ws://127.0.0.1:${port}${path}`, isProxied: false };
    }
    const url = new URL(`${JSON.parse(config.textContent).baseUrl}proxy/${port}${path}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return { url: url.href, isProxied: true };
  }

  function start(element) {
    const { path } = element.dataset;
    element.dataset.started = "";
    const endpoint = findEndpoint(element.dataset);
    if (endpoint === null) return;

    element.innerHTML = page;
    element.classList.add("wslab-live-on");
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", `A client of ${path}`);
    const part = (name) => element.querySelector(`.wslab-live-${name}`);
    const [connect, disconnect, text, send, log] = ["connect", "disconnect", "text", "send", "log"].map(part);
    part("proxy").hidden = !endpoint.isProxied;
    part("elsewhere").hidden = endpoint.isProxied || isVsCode || isInPage; // they have no such proxy
    log.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's arrow keys go to other cells; here they scroll

    let socket = null;

    function setState(words, isFailure = false) {
      const focused = document.activeElement;
      const isOpen = socket !== null && socket.readyState === WebSocket.OPEN;
      part("state").textContent = words;
      part("hint").hidden = !isFailure;
      connect.disabled = isOpen;
      disconnect.disabled = socket === null;
      send.disabled = !isOpen;
      // Whoever is on a button that is of no use now goes on from here; whoever is elsewhere is not disturbed.
      if ([connect, disconnect, send].includes(focused) && focused.disabled) (isOpen ? text : connect).focus();
    }

    function show(who, message) {
      const line = document.createElement("p");
      const rest = message.length > MAX_CHARACTERS ? `... (${message.length} characters)` : "";
      line.textContent = `${who}: ${message.slice(0, MAX_CHARACTERS)}${rest}`;
      log.append(line);
      if (log.children.length > MAX_LINES) log.firstChild.remove();
      log.scrollTop = log.scrollHeight;
    }

    function received(data) {
      if (typeof data === "string") show("Server", data);
      else show("Server", data.byteLength === 1 ? "1 byte" : `${data.byteLength} bytes`);
    }

    connect.addEventListener("click", () => {
      if (socket !== null) return;
      let wasOpen = false;
      socket = new WebSocket(endpoint.url);
      socket.binaryType = "arraybuffer";
      setState("connecting");
      // Once the output is gone (cleared, run again, notebook closed), nobody can press Disconnect any more.
      const removal = new MutationObserver(() => element.isConnected || socket.close(1000));
      removal.observe(document, { childList: true, subtree: true });
      socket.addEventListener("open", () => {
        wasOpen = true;
        setState("connected");
      });
      socket.addEventListener("message", (event) => received(event.data));
      socket.addEventListener("close", (event) => {
        removal.disconnect();
        socket = null;
        // The proxy opens each connection, and cuts it off with 1006 if there is no endpoint that accepts.
        const isFailure = endpoint.isProxied ? event.code === 1006 : !wasOpen;
        const reason = event.reason ? `, reason: ${event.reason}` : "";
        setState(`${isFailure ? "failed" : "closed"} with code ${event.code}${reason}`, isFailure);
      });
    });
    disconnect.addEventListener("click", () => socket.close(1000));
    send.addEventListener("click", () => {
      show("You", text.value);
      socket.send(text.value);
      text.value = "";
    });
    // Not by a form: in a cell, JupyterLab keeps the browser from taking Enter for the end of an input.
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      send.click();
    });
  }

  // A script in an output does not learn everywhere which element it came with. So it starts all that are new.
  document.querySelectorAll(".wslab-live:not([data-started])").forEach(start);
}
