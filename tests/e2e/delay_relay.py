"""A slow link where the kernel has no netem: passes TCP connections on, every
chunk a few milliseconds later, and cuts one in a thousand chunks' connection.

    delay_relay.py LISTEN TARGET      HOST:PORT each; says when it listens
"""
import asyncio
import random
import sys

CHUNK = 1 << 16
DELAY, JITTER, CUT = 0.005, 0.002, 0.001


async def pump(reader, writer):
    while data := await reader.read(CHUNK):
        await asyncio.sleep(random.uniform(DELAY - JITTER, DELAY + JITTER))
        if random.random() < CUT:
            raise ConnectionResetError
        writer.write(data)
        await writer.drain()


async def main(listen, target):
    async def serve(reader, writer):
        far = None
        try:
            far_reader, far = await asyncio.open_connection(
                *target.rsplit(":", 1))
            await asyncio.gather(pump(reader, far), pump(far_reader, writer))
        except OSError:
            pass
        finally:
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()

    host, port = listen.rsplit(":", 1)
    server = await asyncio.start_server(serve, host, int(port))
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
