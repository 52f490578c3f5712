#include "deploy/launcher/policy_graph.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/check.h"
#include "common/base/tensor.h"
#include "kmyriad/v1/onnx.pb.h"

namespace kmyriad {
namespace {

constexpr int64_t kIrVersion = 8;
constexpr int64_t kOperators = 13;
constexpr float kObservationClip = 5;

// Builds a graph node by node; every node has one output.
class GraphBuilder {
 public:
  explicit GraphBuilder(onnx::GraphProto* graph) : graph_(graph) {}

  void AddInitializer(const NamedTensor& tensor) {
    onnx::TensorProto* const proto = graph_->add_initializer();
    proto->set_name(tensor.name);
    proto->set_data_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : tensor.shape) proto->add_dims(extent);
    proto->set_raw_data(tensor.data.data(), tensor.data.size());
  }
  onnx::NodeProto* AddNode(const char* operation,
                           std::initializer_list<std::string> inputs,
                           const std::string& output) {
    onnx::NodeProto* const node = graph_->add_node();
    node->set_op_type(operation);
    node->set_name(output);
    for (const std::string& input : inputs) node->add_input(input);
    node->add_output(output);
    return node;
  }
  // The extent 0 stands for the batch, which may have any size.
  static void Describe(const std::string& name,
                       std::initializer_list<int64_t> shape,
                       onnx::ValueInfoProto* value) {
    value->set_name(name);
    auto* const type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : shape) {
      auto* const dim = type->mutable_shape()->add_dim();
      if (extent == 0) {
        dim->set_dim_param("batch");
      } else {
        dim->set_dim_value(extent);
      }
    }
  }

 private:
  onnx::GraphProto* const graph_;
};

void AddNetwork(const NetworkShape& shape, GraphBuilder& graph) {
  graph.AddNode("Sub", {"observation", "normalizer.mean"}, "centred");
  graph.AddNode("Mul", {"centred", "normalizer.inv_std"}, "normalised");
  graph.AddNode("Clip", {"normalised", "clip.low", "clip.high"}, "clipped");
  std::string last = "clipped";
  for (size_t l = 0; l < shape.trunk.size(); ++l) {
    const std::string layer = absl::StrCat("trunk.", l);
    onnx::AttributeProto* const transpose =
        graph
            .AddNode("Gemm", {last, layer + ".weight", layer + ".bias"},
                     layer + ".sum")
            ->add_attribute();
    transpose->set_name("transB");
    transpose->set_type(onnx::AttributeProto::INT);
    transpose->set_i(1);
    last = layer + ".output";
    graph.AddNode(shape.activation == Activation::kRelu ? "Relu" : "Tanh",
                  {layer + ".sum"}, last);
  }
  graph.AddNode("Gemm", {last, "head.weight", "head.bias"}, "mean");
  graph.AddNode("Tanh", {"mean"}, "squashed");
  graph.AddNode("Mul", {"squashed", "action_scale"}, "action");
  graph.AddNode("Identity", {"head.log_std"}, "log_std");
}

}  // namespace

SafetensorsContent PolicyAsTensors(const PolicyWeights& head,
                                   float action_scale,
                                   const std::string& contract) {
  KMYRIAD_CHECK(head.agent_count == 1);
  const int64_t obs = head.shape.obs_dim;
  const int64_t act = head.shape.act_dim;
  SafetensorsContent content;
  content.metadata["kmyriad"] = contract;
  const auto add = [&content](std::string name, std::vector<int64_t> shape,
                              const std::vector<float>& values) {
    content.tensors.push_back(
        MakeTensor(std::move(name), std::move(shape), values));
  };
  add("normalizer.mean", {obs}, head.normalizer_mean);
  add("normalizer.inv_std", {obs}, head.normalizer_inv_std);
  for (size_t l = 0; l < head.trunk.size(); ++l) {
    const DenseLayer& layer = head.trunk[l];
    add(absl::StrCat("trunk.", l, ".weight"), {layer.out, layer.in},
        layer.weight);
    add(absl::StrCat("trunk.", l, ".bias"), {layer.out}, layer.bias);
  }
  add("head.weight", {head.shape.trunk.back(), act}, head.head_weight);
  add("head.bias", {act}, head.head_bias);
  add("head.log_std", {act}, head.head_log_std);
  add("action_scale", {1}, {action_scale});
  return content;
}

std::string PolicyAsOnnx(const PolicyWeights& head, float action_scale,
                         const std::string& contract) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("kmyriad");
  model.set_producer_version(BuildVersion());
  model.add_opset_import()->set_version(kOperators);
  onnx::StringStringEntryProto* const entry = model.add_metadata_props();
  entry->set_key("kmyriad");
  entry->set_value(contract);
  onnx::GraphProto* const proto = model.mutable_graph();
  proto->set_name("policy");
  GraphBuilder graph(proto);
  for (const NamedTensor& tensor :
       PolicyAsTensors(head, action_scale, contract).tensors) {
    graph.AddInitializer(tensor);
  }
  graph.AddInitializer(MakeTensor<float>("clip.low", {}, {-kObservationClip}));
  graph.AddInitializer(MakeTensor<float>("clip.high", {}, {kObservationClip}));
  AddNetwork(head.shape, graph);
  GraphBuilder::Describe("observation", {0, head.shape.obs_dim},
                         proto->add_input());
  GraphBuilder::Describe("action", {0, head.shape.act_dim},
                         proto->add_output());
  GraphBuilder::Describe("mean", {0, head.shape.act_dim}, proto->add_output());
  GraphBuilder::Describe("log_std", {head.shape.act_dim}, proto->add_output());
  return model.SerializeAsString();
}

}  // namespace kmyriad
