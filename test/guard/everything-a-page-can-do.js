/** Runs in a page: whatever a page can have a browser send, to each of these ports. */
async ({ plain, tls, decoys }) => {
  const image = (url) =>
    new Promise((done) => {
      const one = new Image();
      one.onload = one.onerror = () => done();
      one.src = url;
      globalThis.setTimeout(done, 1200);
    });
  const tried = (work) =>
    Promise.race([work.catch(() => {}), new Promise((done) => globalThis.setTimeout(done, 1200))]);
  const few = [0, 1, 2];
  const query = 'q'.repeat(17_000);

  for (const i of few) {
    await Promise.all([
      image(`http://127.0.0.1:${plain}/image-${i}.png`),
      image(`http://foreign.test:${plain}/image-${i}.png`),
      image(`http://own.test:${plain}/?${i}${query}`),
      image(`https://own.test:${tls}/image-${i}.png`),
      image(`https://foreign.test:${tls}/image-${i}.png`),
      image(`https://127.0.0.1:${tls}/image-${i}.png`),
      // TLS to the plain port, and the reverse.
      image(`https://own.test:${plain}/image-${i}.png`),
      image(`http://own.test:${tls}/image-${i}.png`),
      ...decoys.map((port) => image(`http://127.0.0.1:${port}/image-${i}.png`)),
      ...decoys.map((port) => image(`http://own.test:${port}/image-${i}.png`)),
      ...decoys.map((port) => image(`https://own.test:${port}/image-${i}.png`)),
    ]);
  }
  const mail = 'HELO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n';
  const proxied = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
  for (const body of [mail, proxied])
    for (const port of [plain, ...decoys])
      for (const i of [0, 1])
        await tried(fetch(`http://127.0.0.1:${port}/${i}`, { method: 'POST', mode: 'no-cors', body }));
  for (const i of few) {
    navigator.sendBeacon(`http://127.0.0.1:${plain}/beacon-${i}`, 'a=b');
    for (const method of ['patch', 'FOO', 'PROPFIND', 'GE!T']) await tried(fetch(`/${i}`, { method }));
    for (const headers of [
      { 'Max-Forwards': '0' },
      { Content_Length: '5' },
      { Transfer_Encoding: 'chunked' },
      { 'X-A': '\x01\x7f' },
      { 'X-A': 'caf\xe9' },
      { X_Forwarded_For: '192.0.2.9', 'X-Real-IP': '192.0.2.9', 'X-Forwarded-Host': 'www.example.com' },
      { 'X-Long': query },
    ])
      for (const method of ['GET', 'OPTIONS', 'POST']) await tried(fetch(`/${i}`, { method, headers }));
  }
  for (const url of [
    `ws://own.test:${plain}/`,
    `ws://foreign.test:${plain}/`,
    `ws://127.0.0.1:${decoys[0]}/`,
    `wss://own.test:${tls}/`,
    `wss://foreign.test:${tls}/`,
  ])
    for (const _ of few)
      await tried(
        new Promise((done) => {
          const socket = new WebSocket(url, ['a.b', 'c']);
          socket.onopen = socket.onerror = socket.onclose = () => done();
        }),
      );
  const servers = [plain, tls, ...decoys].flatMap((port) => [
    { urls: `turn:127.0.0.1:${port}?transport=tcp`, username: 'a', credential: 'b' },
    { urls: `turns:127.0.0.1:${port}?transport=tcp`, username: 'a', credential: 'b' },
  ]);
  for (const _ of [0]) {
    const peer = new RTCPeerConnection({ iceServers: servers });
    peer.createDataChannel('a');
    await peer.setLocalDescription(await peer.createOffer());
    await new Promise((done) => globalThis.setTimeout(done, 1500));
    peer.close();
  }

  // Last, since every request has them from now on: more than is read.
  for (let i = 0; i < 5; i++) Reflect.set(document, 'cookie', `c${i}=${'c'.repeat(4000)}; path=/`);
  for (const i of few) await image(`/with-cookies-${i}.png`);
};
