// torpor: the command line client.
#include <malloc.h>
#include <unistd.h>

#include <iostream>

#include "client/cli/command.h"
#include "client/cli/context.h"
#include "grpc/support/cpu.h"

int main(int argc, char** argv) {
  // gRPC before 1.61 looks at errno some calls after connect() (grpc/grpc pull request 35064). Of
  // these calls the first that asks for the number of processors, or that allocates on a new thread
  // and so makes an arena, looks into /sys, which a container need not have: a connection that was
  // only begun then seems to have failed with ENOENT. Asked here, and with a single arena, none
  // does.
  mallopt(M_ARENA_MAX, 1);
  gpr_cpu_num_cores();
  torpor::cli::Context context(std::cin, std::cout, std::cerr);
  context.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  context.err_is_terminal = isatty(STDERR_FILENO) != 0;
  if (argc > 0) context.program = argv[0];
  return torpor::cli::RunCommandLine(std::vector<std::string>(argv + (argc > 0), argv + argc),
                                     context);
}
