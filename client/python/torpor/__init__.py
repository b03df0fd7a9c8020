"""Torpor from Python: a channel to the server, its stubs, and tensors from and to NumPy.

Messages are generated from proto/ (CMake target torpor_python): `from torpor.v1 import session_pb2`.
"""

import os
from pkgutil import extend_path
from types import SimpleNamespace

import grpc
import numpy as np

# The generated modules may lie in another folder of the path than this file.
__path__ = extend_path(__path__, __name__)

from torpor.v1 import (analysis_pb2_grpc, common_pb2, dataset_pb2_grpc, energy_pb2_grpc, inference_pb2_grpc,
                       job_pb2_grpc, memory_pb2_grpc, model_pb2_grpc, network_pb2_grpc, server_pb2_grpc,
                       session_pb2_grpc)

_DTYPES = {"float32": common_pb2.DataType.FLOAT32, "uint8": common_pb2.DataType.UINT8}


def connect(address=None):
    """Stubs of a server by noun: connect().sessions.CreateSession(...).

    `address` is host:port, else TORPOR_SERVER, else 127.0.0.1:7617. Also holds the `channel`.
    """
    address = address or os.environ.get("TORPOR_SERVER") or "127.0.0.1:7617"
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)]
    channel = grpc.insecure_channel(address, options)
    return SimpleNamespace(
        channel=channel,
        analysis=analysis_pb2_grpc.AnalysisServiceStub(channel),
        datasets=dataset_pb2_grpc.DatasetServiceStub(channel),
        energy=energy_pb2_grpc.EnergyServiceStub(channel),
        inference=inference_pb2_grpc.InferenceServiceStub(channel),
        jobs=job_pb2_grpc.JobServiceStub(channel),
        memory=memory_pb2_grpc.MemoryServiceStub(channel),
        models=model_pb2_grpc.ModelServiceStub(channel),
        networks=network_pb2_grpc.NetworkServiceStub(channel),
        server=server_pb2_grpc.ServerServiceStub(channel),
        sessions=session_pb2_grpc.SessionServiceStub(channel))


def tensor(array):
    """A Tensor of a float32 or uint8 array; other numbers become float32."""
    array = np.asarray(array)
    if array.dtype.name not in _DTYPES:
        array = array.astype(np.float32)
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return common_pb2.Tensor(dtype=_DTYPES[array.dtype.name], shape=array.shape, data=array.tobytes())


def array(tensor):
    """The array of a Tensor."""
    dtype = {common_pb2.DataType.FLOAT32: "<f4", common_pb2.DataType.FLOAT64: "<f8"}.get(tensor.dtype, "u1")
    return np.frombuffer(tensor.data, dtype).reshape(tensor.shape)
