"""A proxy between the processes of a run, that can do what networks do.

It takes the place of a unix socket: the server's socket is renamed, which does
not disturb it, and the proxy listens under the old name. Connections made
before that stay direct until they break.
"""
import asyncio
import json
import os
import stat
import threading

CHUNK = 1 << 16
PERIOD = 0.005


class Link:
    """Connections to one server. Used on the proxy's own thread only."""

    def __init__(self, path):
        self.path = path
        self.real = path + ".real"
        self.inode = None
        self.server = None
        self.pid = 0
        self.writers = set()
        # Seconds that every chunk waits.
        self.delay = 0.0
        # What does not pass while the event is clear.
        self.to_server = asyncio.Event()
        self.to_client = asyncio.Event()
        self.to_server.set()
        self.to_client.set()
        self.connections = 0

    async def interpose(self):
        """Takes the server's place if the server listens there itself."""
        try:
            info = os.stat(self.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(info.st_mode) or info.st_ino == self.inode:
            return
        await self.withdraw()
        os.rename(self.path, self.real)
        self.server = await asyncio.start_unix_server(self.serve, self.path)
        self.inode = os.stat(self.path).st_ino

    async def withdraw(self):
        """Gives the path up: a server that starts finds nobody there."""
        if self.server is None:
            return
        self.server.close()
        self.server = None
        try:
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)
        except FileNotFoundError:
            pass
        self.inode = None

    async def serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(
                self.real)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        pair = {writer, far_writer}
        self.writers |= pair
        try:
            await asyncio.gather(
                self.pump(reader, far_writer, self.to_server),
                self.pump(far_reader, writer, self.to_client))
        except OSError:
            pass
        finally:
            for end in pair:
                end.transport.abort()
            self.writers -= pair

    async def pump(self, reader, writer, gate):
        while True:
            data = await reader.read(CHUNK)
            if self.delay > 0:
                await asyncio.sleep(self.delay)
            await gate.wait()
            if not data:
                # One end has closed: so does the other.
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()

    def reset(self):
        for writer in list(self.writers):
            writer.transport.abort()


class Proxy:
    """Interposes itself in a run for as long as it lives, whatever restarts."""

    def __init__(self, folder):
        self.endpoints = os.path.join(folder, "endpoints.json")
        self.links = {}
        self.stamp = None
        self.ending = False
        self.connections = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.ending = True
        self.thread.join()

    def total_connections(self):
        return self.connections + sum(link.connections
                                      for link in self.links.values())

    def apply(self, process, change):
        """Runs change(link) for the link to `process`, if there is one."""
        def run():
            if process in self.links:
                change(self.links[process])
        self.loop.call_soon_threadsafe(run)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._follow())
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _follow(self):
        while not self.ending:
            self._read_endpoints()
            for link in self.links.values():
                if alive(link.pid):
                    await link.interpose()
                else:
                    await link.withdraw()
            await asyncio.sleep(PERIOD)
        for link in self.links.values():
            link.reset()
            await link.withdraw()

    def _read_endpoints(self):
        try:
            stamp = os.stat(self.endpoints)
            key = (stamp.st_ino, stamp.st_mtime_ns)
            if key == self.stamp:
                return
            with open(self.endpoints, encoding="utf-8") as file:
                listed = json.load(file)["processes"]
        except (OSError, ValueError):
            return
        self.stamp = key
        for entry in listed:
            kind, _, path = entry["listening"].partition("unix:")
            if kind or not path:
                continue
            link = self.links.get(entry["process"])
            if link is None or link.path != path:
                if link is not None:
                    link.reset()
                    self.connections += link.connections
                link = self.links[entry["process"]] = Link(path)
            link.pid = entry["pid"]


def alive(pid):
    """Runs and is no zombie."""
    if pid <= 0:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
