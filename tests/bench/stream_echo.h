// A bare gRPC echo: what a stream costs before anything is computed.
#pragma once

#include <cstddef>
#include <memory>

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/stream_driver.h"

namespace torpor::bench {

// A server on a port of its own that sends every message back unread. Stops at its end.
class EchoServer {
 public:
  EchoServer();
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  std::shared_ptr<grpc::Channel> NewChannel() const;

 private:
  std::unique_ptr<grpc::CallbackGenericService> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// Keeps `depth` messages of so many bytes in flight to an EchoServer.
Measured RunEcho(const std::shared_ptr<grpc::Channel>& channel, size_t bytes, int depth,
                 double seconds);

}  // namespace torpor::bench
