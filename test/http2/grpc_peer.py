"""
A server and a client of gRPC (C core). `serve [HEALTH]` prints its port and what becomes of its streams; `call PORT [CERT HOST]` makes calls of every
kind and prints what came of each as JSON: in the clear, or over TLS to a server with that certificate. `codes` with the same arguments makes
many, and prints how many ended with each code.
"""
import collections
import json
import signal
import sys
import threading
import time
from concurrent import futures

import grpc

BIG = 3_000_000
#: What the server says of its health.
says = sys.argv[2] if len(sys.argv) > 2 else "serving"


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-initial", metadata.get("x-sent", "")), ("x-initial-bin", b"\x00\xff")))
    context.set_trailing_metadata((("x-trailing", "1"), ("x-trailing-bin", metadata.get("x-sent-bin", b""))))
    return request[::-1]


def fails(request, context):
    context.set_trailing_metadata((("x-why", "because"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no \u95a2\u6240 100%")


def download(request, context):
    for i in range(int(request)):
        yield b"%d" % i


def upload(requests, context):
    return b"%d" % sum(len(one) for one in requests)


def chat(requests, context):
    for one in requests:
        yield b"re: " + one


def early(requests, context):
    next(requests)
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def hang(request, context):
    """Prints once how the call ends. The callback prints: the library may not resume a generator after its call was cancelled."""
    ended = threading.Event()
    waited = threading.Event()

    def end():
        print("not cancelled" if waited.is_set() else "cancelled", flush=True)
        ended.set()

    if not context.add_callback(end):
        end()
        return
    yield b"begun"
    ended.wait(20)
    waited.set()


def health(request, context):
    if says == "unknown":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return b"\x08\x02" if says == "not serving" else b"\x08\x01"


class Services(grpc.GenericRpcHandler):
    def service(self, call):
        kinds = {
            "/test.T/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/test.T/Fails": grpc.unary_unary_rpc_method_handler(fails),
            "/test.T/Download": grpc.unary_stream_rpc_method_handler(download),
            "/test.T/Upload": grpc.stream_unary_rpc_method_handler(upload),
            "/test.T/Chat": grpc.stream_stream_rpc_method_handler(chat),
            "/test.T/Early": grpc.stream_unary_rpc_method_handler(early),
            "/test.T/Hang": grpc.unary_stream_rpc_method_handler(hang),
            "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(health),
        }
        return None if says == "nothing" else kinds.get(call.method)


def serve():
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        handlers=(Services(),),
        options=(("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)),
    )
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    # As a server that is deployed anew: it takes no more calls, and finishes those that it has.
    signal.signal(signal.SIGTERM, lambda *_: server.stop(5))
    server.wait_for_termination(60)


def outcome(call):
    try:
        return call()
    except grpc.RpcError as error:
        trailing = sorted([k, str(v)] for k, v in (error.trailing_metadata() or ()) if k.startswith("x-"))
        return [error.code().name, error.details(), trailing]


def metadata(pairs):
    return sorted([key, str(value)] for key, value in pairs if key.startswith("x-"))


def call(channel):
    told = {}

    def simple():
        sent = (("x-sent", "here"), ("x-sent-bin", b"\x01\x02\xfe"))
        reply, info = channel.unary_unary("/test.T/Unary").with_call(b"abc", metadata=sent, timeout=10)
        return [reply.decode(), metadata(info.initial_metadata()), metadata(info.trailing_metadata()), info.code().name]

    def talk():
        """Each message waits for the answer to the one before: nothing on the way may hold one back."""
        answered = threading.Semaphore(1)

        def questions():
            for i in range(20):
                if not answered.acquire(timeout=5):
                    return
                yield b"%d" % i

        answers = []
        for one in channel.stream_stream("/test.T/Chat")(questions(), timeout=15):
            answers.append(one.decode())
            answered.release()
        return answers

    def endless():
        yield b"x"
        time.sleep(30)

    def cancelled():
        stream = channel.unary_stream("/test.T/Hang")(b"", timeout=15)
        first = next(stream).decode()
        stream.cancel()
        return first

    many = channel.unary_unary("/test.T/Unary")
    told["simple"] = outcome(simple)
    told["fails"] = outcome(lambda: channel.unary_unary("/test.T/Fails")(b"", timeout=10))
    told["unknown"] = outcome(lambda: channel.unary_unary("/test.T/Nothing")(b"", timeout=10))
    told["empty"] = outcome(lambda: many(b"", timeout=10).decode())
    told["large"] = outcome(lambda: len(many(b"y" * BIG, timeout=20)))
    told["download"] = outcome(lambda: len(list(channel.unary_stream("/test.T/Download")(b"2000", timeout=20))))
    told["nothing"] = outcome(lambda: list(channel.unary_stream("/test.T/Download")(b"0", timeout=10)))
    told["upload"] = outcome(lambda: channel.stream_unary("/test.T/Upload")(iter([b"z" * 100_000] * 50), timeout=20).decode())
    told["talk"] = outcome(talk)
    told["chatter"] = outcome(lambda: sum(1 for _ in channel.stream_stream("/test.T/Chat")(iter([b"m"] * 6000), timeout=20)))
    told["early"] = outcome(lambda: channel.stream_unary("/test.T/Early")(endless(), timeout=10))
    told["late"] = outcome(lambda: list(channel.unary_stream("/test.T/Hang")(b"", timeout=1)))[:1]
    told["cancelled"] = outcome(cancelled)
    told["many"] = sorted(one.result(10).decode() for one in [many.future(b"%d" % i, timeout=10) for i in range(60)])
    return told


def codes(channel):
    """What comes of many calls, for as long as it takes to deploy a server anew."""
    unary_call = channel.unary_unary("/test.T/Unary")
    found = collections.Counter()
    end = time.time() + 2

    def lane(i):
        while time.time() < end:
            result = outcome(lambda: unary_call(b"%d" % i, timeout=10).decode())
            found["OK" if result == str(i)[::-1] else result[0]] += 1

    lanes = [threading.Thread(target=lane, args=(i,)) for i in range(8)]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    return found


if sys.argv[1] == "serve":
    serve()
else:
    options = (("grpc.max_receive_message_length", -1),)
    if len(sys.argv) > 3:
        certificate, host = open(sys.argv[3], "rb").read(), sys.argv[4]
        credentials = grpc.ssl_channel_credentials(certificate)
        secure = options + (("grpc.ssl_target_name_override", host), ("grpc.default_authority", host))
        channel = grpc.secure_channel("127.0.0.1:" + sys.argv[2], credentials, secure)
    else:
        channel = grpc.insecure_channel("127.0.0.1:" + sys.argv[2], options)
    with channel:
        print(json.dumps(call(channel) if sys.argv[1] == "call" else codes(channel)))
