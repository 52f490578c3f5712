#ifndef KMYRIAD_LEARNER_NETWORK_PARAMETER_H_
#define KMYRIAD_LEARNER_NETWORK_PARAMETER_H_

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace kmyriad {

// A learned tensor (the master copy) and the gradient accumulated for it.
struct Parameter {
  std::string name;
  at::Tensor value;
  at::Tensor gradient;
};

// Pointers to parameters that a network owns.
using ParameterList = std::vector<Parameter*>;

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_PARAMETER_H_
