// One fuzz target as a libFuzzer program; TORPOR_FUZZ_TARGET names it.
#include "tests/fuzz/chunk_target.h"
#include "tests/fuzz/lif_target.h"
#include "tests/fuzz/memory_target.h"
#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  torpor::fuzz::TORPOR_FUZZ_TARGET(data, size);
  return 0;  // both accepted and refused inputs are worth keeping
}
