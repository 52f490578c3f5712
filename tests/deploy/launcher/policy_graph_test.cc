#include "deploy/launcher/policy_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/math/elementary.h"
#include "common/policy/policy_inference.h"
#include "kmyriad/v1/onnx.pb.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr float kScale = 0.3f;

std::vector<float> Floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Evaluates the graph for one observation, node by node, as the operators'
// definitions say.
std::map<std::string, std::vector<float>> Evaluate(
    const onnx::GraphProto& graph, const std::vector<float>& observation) {
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, int64_t> rows;
  values["observation"] = observation;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    values[tensor.name()] = Floats(tensor.raw_data());
    if (tensor.dims_size() == 2) rows[tensor.name()] = tensor.dims(0);
  }
  for (const onnx::NodeProto& node : graph.node()) {
    for (const std::string& input : node.input()) {
      EXPECT_TRUE(values.count(input)) << input << " is used before it is";
    }
    std::vector<float> x = values[node.input(0)];
    const auto input = [&](int i) { return values[node.input(i)]; };
    const std::string& op = node.op_type();
    if (op == "Gemm") {
      const bool transposed = node.attribute_size() == 1;
      const std::vector<float> w = input(1);
      std::vector<float> y = input(2);
      for (size_t o = 0; o < y.size(); ++o) {
        for (size_t i = 0; i < x.size(); ++i) {
          y[o] +=
              x[i] * (transposed ? w[o * x.size() + i] : w[i * y.size() + o]);
        }
      }
      EXPECT_EQ(rows[node.input(1)],
                static_cast<int64_t>(transposed ? y.size() : x.size()));
      x = y;
    } else {
      for (size_t i = 0; i < x.size(); ++i) {
        if (op == "Sub") x[i] -= input(1)[i];
        if (op == "Mul") x[i] *= input(1)[input(1).size() == 1 ? 0 : i];
        if (op == "Clip") x[i] = std::clamp(x[i], input(1)[0], input(2)[0]);
        if (op == "Relu") x[i] = std::max(x[i], 0.0f);
        if (op == "Tanh") x[i] = std::tanh(x[i]);
      }
    }
    EXPECT_TRUE(std::set<std::string>(
                    {"Gemm", "Sub", "Mul", "Clip", "Relu", "Tanh", "Identity"})
                    .count(op))
        << op;
    values[node.output(0)] = x;
  }
  return values;
}

void ExpectSameAsKernel(const NetworkShape& shape) {
  const PolicyWeights weights = RandomPolicy(shape, 5);
  const auto inference = PolicyInference::Create(weights, SimdLevel::kScalar);
  ASSERT_THAT(inference, IsOk());
  const uint32_t obs = shape.obs_dim;
  const uint32_t act = shape.act_dim;
  std::vector<float> block(obs * kBlockLanes);
  for (size_t i = 0; i < block.size(); ++i) {
    // Some lie beyond the clip of +-5.
    block[i] = 9 * std::sin(static_cast<float>(i));
  }
  for (uint32_t agent = 0; agent < shape.agents; ++agent) {
    const std::vector<uint32_t> agents(kBlockLanes, agent);
    std::vector<float> mean(act * kBlockLanes), u(mean), squashed(mean);
    float log_probs[kBlockLanes];
    PolicyInference::Scratch scratch;
    (*inference)
        ->Act(block.data(), agents.data(), {}, scratch, mean.data(), u.data(),
              squashed.data(), log_probs);
    onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromString(
        PolicyAsOnnx(*SelectAgents(weights, agent, 1), kScale, "{}")));
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      std::vector<float> observation;
      for (uint32_t i = 0; i < obs; ++i) {
        observation.push_back(block[i * kBlockLanes + lane]);
      }
      const auto values = Evaluate(model.graph(), observation);
      for (uint32_t a = 0; a < act; ++a) {
        const float expected = mean[a * kBlockLanes + lane];
        EXPECT_NEAR(values.at("mean")[a], expected, 1e-5);
        EXPECT_NEAR(values.at("action")[a], kScale * Tanh(expected), 1e-5);
        EXPECT_EQ(values.at("log_std")[a],
                  weights.head_log_std[agent * act + a]);
      }
    }
  }
}

TEST(PolicyGraph, ComputesWhatTheKernelComputes) {
  ExpectSameAsKernel({.obs_dim = 3,
                      .trunk = {32, 16},
                      .act_dim = 2,
                      .agents = 3,
                      .activation = Activation::kTanh});
  ExpectSameAsKernel({.obs_dim = 30,
                      .trunk = {48},
                      .act_dim = 8,
                      .agents = 2,
                      .activation = Activation::kRelu});
}

TEST(PolicyGraph, DeclaresItsInterface) {
  const NetworkShape shape = {.obs_dim = 3,
                              .trunk = {16},
                              .act_dim = 2,
                              .agents = 1,
                              .activation = Activation::kTanh};
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(
      PolicyAsOnnx(RandomPolicy(shape, 5), kScale, "{\"a\":1}")));
  EXPECT_EQ(model.ir_version(), 8);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 13);
  ASSERT_EQ(model.metadata_props_size(), 1);
  EXPECT_EQ(model.metadata_props(0).value(), "{\"a\":1}");
  const onnx::GraphProto& graph = model.graph();
  ASSERT_EQ(graph.input_size(), 1);
  EXPECT_EQ(graph.input(0).name(), "observation");
  const auto& dims = graph.input(0).type().tensor_type().shape();
  EXPECT_EQ(dims.dim(0).dim_param(), "batch");
  EXPECT_EQ(dims.dim(1).dim_value(), 3);
  std::vector<std::string> outputs;
  for (const auto& output : graph.output()) outputs.push_back(output.name());
  EXPECT_THAT(outputs, ::testing::ElementsAre("action", "mean", "log_std"));
  const SafetensorsContent tensors =
      PolicyAsTensors(RandomPolicy(shape, 5), kScale, "{\"a\":1}");
  EXPECT_EQ(tensors.metadata.at("kmyriad"), "{\"a\":1}");
  EXPECT_THAT(EncodeSafetensors(tensors), IsOk());
}

}  // namespace
}  // namespace kmyriad
