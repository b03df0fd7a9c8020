// Numbers on whole cache lines, so that no vector of a row lies in two.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace torpor {

template <typename T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};
  LineAllocator() = default;
  template <typename U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
  void deallocate(T* at, size_t) { ::operator delete(at, kLine); }
  friend bool operator==(LineAllocator, LineAllocator) { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, LineAllocator<T>>;
using AlignedFloats = AlignedVector<float>;

}  // namespace torpor
