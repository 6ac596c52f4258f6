/** Run in a page: asks a TURN server for a relay. @returns the error code, and relay candidates, of which there should be none */
async (urls) => {
  const server = { urls, username: 'scanner', credential: 'hunter2' };
  const peer = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
  const relays = [];
  const failed = new Promise((done) => {
    peer.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate.includes('relay')) relays.push(candidate.candidate);
    };
    peer.onicecandidateerror = ({ errorCode }) => done(errorCode);
    setTimeout(() => done(-1), 10_000);
  });
  peer.createDataChannel('a');
  await peer.setLocalDescription(await peer.createOffer());
  const code = await failed;
  peer.close();
  return { code, relays };
};
