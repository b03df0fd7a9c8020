// A context of the command line beside a server of one service.
#pragma once

#include <memory>
#include <sstream>
#include <string>

#include "client/cli/context.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace torpor::cli {

template <typename Service>
class ServedContextTest : public ::testing::Test {
 protected:
  ServedContextTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    context_.options.server = "127.0.0.1:" + std::to_string(port);
  }
  ~ServedContextTest() override { server_->Shutdown(); }

  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::istringstream in_;
  std::ostringstream out_, err_;
  Context context_{in_, out_, err_};
};

}  // namespace torpor::cli
