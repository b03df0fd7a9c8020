"""Trains a network, streams images through it, and turns its power down while the stream runs: quickstart.py [DATASET]"""
import gzip, itertools, os, sys, threading

import numpy as np
import torpor
from google.protobuf.json_format import ParseDict
from torpor.v1 import dataset_pb2, inference_pb2, job_pb2, power_pb2, session_pb2

server = torpor.connect()  # TORPOR_SERVER, else 127.0.0.1:7617
name = "datasets/" + (sys.argv[1] if len(sys.argv) > 1 else "fashion-mnist")
data = server.datasets.GetDataset(dataset_pb2.GetDatasetRequest(name=name), timeout=30)
network = {"rate": {"input": {"shape": list(data.sample_shape)}, "layers": [
    {"name": "hidden", "dense": {"units": 100}, "activation": "RELU"},
    {"name": "out", "dense": {"units": data.classes}, "activation": "SIGMOID"}]}}
session = server.sessions.CreateSession(ParseDict(
    {"network": network, "realisation": {"columnNoise": 0.01}}, session_pb2.CreateSessionRequest()), timeout=30)
job = server.jobs.CreateJob(ParseDict(
    {"spec": {"session": session.name, "train": {"dataset": name, "epochs": 2}}}, job_pb2.CreateJobRequest()), timeout=30)
for update in server.jobs.WatchJob(job_pb2.WatchJobRequest(name=job.name), timeout=3600):
    if update.event.HasField("epoch_done"):
        print("epoch", update.event.epoch_done.epoch, dict(update.event.epoch_done.metrics))
    job = update.job if update.HasField("job") else job
print(job.name, job_pb2.JobState.Kind.Name(job.state), "test accuracy", job.metrics["test_accuracy"])

file = os.path.join(data.directory, "t10k-images-idx3-ubyte.gz")
images = np.random.default_rng(0).integers(0, 256, [1000, *data.sample_shape], np.uint8)  # when there is no such file
if os.path.exists(file):
    images = np.frombuffer(gzip.open(file).read(), np.uint8, offset=16).reshape(-1, *data.sample_shape)
in_flight = threading.Semaphore(32)  # at most the credits of Opened


def requests():  # a thread of gRPC takes them; after every 200 images the power goes down
    yield inference_pb2.StreamInferRequest(open={"session": session.name, "ordered": True})
    for seq, image in enumerate(itertools.islice(itertools.cycle(images), 800)):
        if seq % 200 == 0:
            mode = power_pb2.PowerMode(epsilon=(1, 0.5, 0.2, 0.1)[seq // 200], bias="HOMOGENEOUS")
            server.sessions.SetPowerMode(
                session_pb2.SetPowerModeRequest(session=session.name, power_mode=mode), timeout=30)
        in_flight.acquire()
        yield inference_pb2.StreamInferRequest(item={"seq": seq, "input": torpor.tensor(image[None]), "sample_key": seq})


answered = {}  # generation -> NASP of each image
for reply in server.inference.StreamInfer(requests(), timeout=300):
    if reply.HasField("result"):
        in_flight.release()
        answered.setdefault(reply.result.response.generation, []).append(reply.result.response.nasp)
    elif reply.HasField("mode_changed"):
        print("generation", reply.mode_changed.generation, "epsilon", reply.mode_changed.power_mode.epsilon)
    elif reply.HasField("error"):
        sys.exit(reply.error.status.message)
for generation, nasp in answered.items():
    print("generation", generation, "images", len(nasp), "mean NASP", round(float(np.mean(nasp)), 4))
