// Metrics of classification (the documentation's metrics page defines each name once).
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/gemm.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// How a model's scores (last layer's pre-activations, or sums of spikes) are read: its output
// activation and the loss it was trained with.
struct ReadOut {
  v1::Activation::Kind activation = v1::Activation::LINEAR;
  // UNSPECIFIED for models that were never trained: BCE is then reported for sigmoid outputs, CE
  // otherwise.
  v1::Loss::Kind loss = v1::Loss::UNSPECIFIED;
  int classes = 0;
  // Scores are divided by it wherever a probability or a loss is made of them: sums of spikes, or
  // of members' scores, become the numbers that a loss was trained on. > 0.
  double temperature = 1;
};

// argmax of scores; a tie goes to the lowest class.
int ClassOf(std::span<const float> scores);

// Outputs from scores: the activation, or softmax where loss is CE.
void Outputs(const ReadOut& read_out, std::span<const float> scores, std::span<double> out);

// The read-out's loss for one sample, summed over outputs. Stable for large scores (BCE and CE from
// logits).
double SampleLoss(const ReadOut& read_out, std::span<const float> scores, int32_t label);

// Winning probability for the calibration error: outputs divided by their sum for sigmoid; softmax
// of the scores else.
double WinningProbability(const ReadOut& read_out, std::span<const float> scores);

// Expected calibration error with 15 equal-width bins of the winning probability.
class CalibrationError {
 public:
  static constexpr int kBins = 15;
  // Bin of a winning probability, 0..kBins - 1.
  static int BinOf(double probability);
  void Add(double probability, bool correct);
  // Sum over bins of |accuracy - mean probability| weighted by the share of samples; 0 without
  // samples.
  double Value() const;

 private:
  int64_t count_[kBins] = {};
  int64_t correct_[kBins] = {};
  double probability_[kBins] = {};
};

// 95 % Wilson interval of `successes` of `n`; {0, 1} for n = 0.
struct Interval {
  double low = 0;
  double high = 1;
};
Interval WilsonInterval(int64_t successes, int64_t n);

}  // namespace torpor
