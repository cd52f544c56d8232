// A slow TFTP client: real transfers that last as long as a test wants to look at them.

import { createSocket } from "node:dgram";

/** Asks `port` for `path` and acknowledges a block each `pace` ms, `most` of them. `from` is a client's address of its own. Says how many bytes came. */
export function fetch(port, path, { pace = 0, most = Infinity, host = "127.0.0.1", from = host } = {}) {
  const socket = createSocket("udp4");
  let bytes = 0;
  let next = 1;
  let ended = false;
  return new Promise((resolve, reject) => {
    const end = (result) => {
      if (ended) return;
      ended = true;
      clearTimeout(silence);
      socket.close();
      result instanceof Error ? reject(result) : resolve(result);
    };
    const silence = setTimeout(() => end(new Error(`no end of ${path} within 30 s`)), 30_000);
    socket.on("message", (packet, peer) => {
      const code = packet.readUInt16BE(0);
      if (code === 5) return end(new Error(packet.toString("utf8", 4, packet.length - 1)));
      if (code !== 3 || packet.readUInt16BE(2) !== (next & 0xffff)) return;
      bytes += packet.length - 4;
      const last = packet.length < 516;
      if (next >= most && !last) return end(bytes); // Falls silent, as a machine that crashed.
      const ack = Buffer.from([0, 4, packet[2], packet[3]]);
      next += 1;
      setTimeout(() => {
        if (ended) return;
        socket.send(ack, peer.port, peer.address, () => last && end(bytes));
      }, pace);
    });
    socket.bind(0, from, () => socket.send(Buffer.from(`\0\x01${path}\0octet\0`), port, host));
  });
}
