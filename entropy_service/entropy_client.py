"""Scores samples [N, d] by a running kmyriad-entropy and saves their rewards.

    pip install grpcio grpcio-tools numpy
    entropy_client.py unix:/tmp/entropy samples.npy rewards.npy
"""
import hashlib, pathlib, sys, uuid
import grpc, numpy

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "proto"))
pb, rpc = grpc.protos_and_services("kmyriad/v1/entropy_service.proto")
x = numpy.load(sys.argv[2]).astype("<f4")
mask = numpy.ones(len(x), numpy.uint8).tobytes()

def requests(step=1 << 15):
    yield pb.ScoreEpochRequest(header=pb.ScoreEpochHeader(
        run_uuid=uuid.uuid4().bytes, epoch=1, window=1, k=4, floor=1e-6,
        particle_digest=hashlib.sha256(x.tobytes() + mask).digest(),
        envs=1, horizon=len(x), agents=1, dims=x.shape[1],
        reward=pb.REWARD_KIND_FORWARD, pooling=pb.POOLING_COLLECTIVE))
    for i in range(0, len(x), step):
        yield pb.ScoreEpochRequest(chunk=pb.ParticleChunk(first=i,
            features=x[i:i + step].tobytes(), mask=mask[i:i + step]))

with grpc.insecure_channel(sys.argv[1]) as channel:
    summary, *chunks = rpc.EntropyServiceStub(channel).ScoreEpoch(requests())
print(summary.summary.entropy_nats)
rewards = b"".join(answer.chunk.rewards for answer in chunks)
numpy.save(sys.argv[3], numpy.frombuffer(rewards, "<f4"))
