"""Programs that tests start while this process speaks gRPC."""

import asyncio
import subprocess
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped] # has no types
from grpc_health.v1.health import aio as health  # type: ignore[import-untyped] # the same

CHILDREN = 60


def _ended() -> tuple[int, bytes]:
    # The function, whatever it does, is what makes Python fork where it would vfork otherwise.
    command = [sys.executable, "-S", "-c", ""]
    done = subprocess.run(command, preexec_fn=lambda: None, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stderr


async def _ended_beside_calls() -> list[tuple[int, bytes]]:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        async with asyncio.TaskGroup() as group:
            children = group.create_task(asyncio.to_thread(lambda: [_ended() for _ in range(CHILDREN)]))
            while not children.done():
                await stub.Check(health_pb2.HealthCheckRequest())
    await server.stop(None)
    return children.result()


def test_a_child_forked_while_calls_are_under_way_lives() -> None:
    assert asyncio.run(_ended_beside_calls()) == [(0, b"")] * CHILDREN
