// Numbers on whole cache lines, so that no vector of them lies in two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace torpor {

template <typename T>
class AlignedArray {
 public:
  explicit AlignedArray(size_t n, T value = T()) : size_(n), lines_((n + kPerLine - 1) / kPerLine) {
    Fill(value);
  }
  void Fill(T value) { std::fill_n(data(), size_, value); }
  // Stays where it is when the array is moved.
  T* data() { return reinterpret_cast<T*>(lines_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(lines_.data()); }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

 private:
  static constexpr size_t kPerLine = 64 / sizeof(T);
  struct alignas(64) Line {
    T values[kPerLine];
  };
  size_t size_;
  std::vector<Line> lines_;
};

}  // namespace torpor
