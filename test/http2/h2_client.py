"""Drives a server of HTTP/2 frame by frame with the h2 library; prints what came back as JSON. Arguments: port and host."""
import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings

port, host = int(sys.argv[1]), sys.argv[2]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.set_alpn_protocols(["h2"])


class Client:
    """One connection, and what came on each of its streams."""

    def __init__(self, **settings):
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=host)
        config = h2.config.H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.conn = h2.connection.H2Connection(config)
        self.conn.initiate_connection()
        if settings:
            self.conn.update_settings({h2.settings.SettingCodes[k]: v for k, v in settings.items()})
        self.status, self.body, self.done, self.pings = {}, {}, set(), []
        self.flush()

    def flush(self):
        self.sock.sendall(self.conn.data_to_send())

    def pump(self):
        data = self.sock.recv(65536)
        if not data:
            raise SystemExit("closed")
        for event in self.conn.receive_data(data):
            stream = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.ResponseReceived):
                self.status[stream] = int(dict(event.headers)[b":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.body[stream] = self.body.get(stream, b"") + event.data
                self.conn.acknowledge_received_data(event.flow_controlled_length, stream)
            elif isinstance(event, h2.events.StreamEnded):
                self.done.add(stream)
            elif isinstance(event, h2.events.StreamReset):
                self.status[stream] = "reset %d" % event.error_code
                self.done.add(stream)
            elif isinstance(event, h2.events.PingAckReceived):
                self.pings.append(event.ping_data.decode())
        self.flush()

    def head(self, path, method="GET", more=(), end=True):
        stream = self.conn.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":authority", "%s:%d" % (host, port)), (":path", path)]
        self.conn.send_headers(stream, fields + list(more), end_stream=end)
        self.flush()
        return stream

    def send(self, stream, data):
        while data:
            room = min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size, len(data))
            if room == 0:
                self.pump()
                continue
            self.conn.send_data(stream, data[:room])
            data = data[room:]
            self.flush()

    def answer(self, stream):
        while stream not in self.done:
            self.pump()
        return [self.status[stream], self.body.get(stream, b"")]


def text(answer):
    return [answer[0], answer[1].decode()]


result = {}
client = Client()
result["get"] = text(client.answer(client.head("/")))
stream = client.head("/upload", "POST", end=False)
client.send(stream, b"u" * 300000)
client.conn.end_stream(stream)
client.flush()
result["upload"] = text(client.answer(stream))
stream = client.head("/upload", "POST", end=False)
client.send(stream, b"12345")
client.conn.send_headers(stream, [("x-sum", "1")], end_stream=True)
client.flush()
result["trailers"] = text(client.answer(stream))
client.conn.ping(b"abcdefgh")
client.flush()
while not client.pings:
    client.pump()
result["ping"] = client.pings[0]
result["after"] = text(client.answer(client.head("/")))
narrow = Client(INITIAL_WINDOW_SIZE=1000)
answer = narrow.answer(narrow.head("/medium"))
result["small_window"] = [answer[0], len(answer[1])]
odd = Client()
stream = odd.head("/", more=[("x-odd", "a"), ("Upper", "b")])
odd.answer(stream)
result["malformed"] = odd.status[stream]
print(json.dumps(result))
