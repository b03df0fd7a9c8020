// torpor: the command line client.
#include <unistd.h>

#include <iostream>

#include "client/cli/command.h"
#include "client/cli/context.h"

int main(int argc, char** argv) {
  torpor::cli::Context context(std::cin, std::cout, std::cerr);
  context.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  context.err_is_terminal = isatty(STDERR_FILENO) != 0;
  if (argc > 0) context.program = argv[0];
  return torpor::cli::RunCommandLine(std::vector<std::string>(argv + (argc > 0), argv + argc),
                                     context);
}
