#include "tests/bench/stream_echo.h"

#include <chrono>
#include <string>

#include "grpcpp/generic/generic_stub.h"

namespace torpor::bench {
namespace {

// Sends each message back as it came, without looking inside.
class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new EchoReactor;
  }
};

}  // namespace

EchoServer::EchoServer() : service_(std::make_unique<EchoService>()) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
}

EchoServer::~EchoServer() { server_->Shutdown(std::chrono::system_clock::now()); }

std::shared_ptr<grpc::Channel> EchoServer::NewChannel() const {
  return grpc::CreateChannel("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureChannelCredentials());
}

Measured RunEcho(const std::shared_ptr<grpc::Channel>& channel, size_t bytes, int depth,
                 double seconds) {
  const grpc::Slice slice(std::string(bytes, 'x'));
  const grpc::ByteBuffer message(&slice, 1);
  Driver<grpc::ByteBuffer, grpc::ByteBuffer> driver(&message, depth,
                                                    [](const grpc::ByteBuffer&) { return true; });
  grpc::GenericStub stub(channel);
  stub.PrepareBidiStreamingCall(driver.context(), "/bench/Echo", {}, &driver);
  driver.Start(nullptr);
  return Run(driver, seconds);
}

}  // namespace torpor::bench
