// Hello.environment, and the environment in a run's manifest.
#include "common/base/check.h"
#include "common/rpc/message_codec.h"
#include "common/rpc/transport_options.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/learner/testing/fake_actor.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  // A line per text that is no UTF-8 costs more than the rest.
  RouteGrpcLogs();
  v1::EnvironmentSpec proto;
  if (!proto.ParseFromArray(input.data(), static_cast<int>(input.size()))) {
    return;
  }
  const absl::StatusOr<EnvironmentSpec> spec = FromProto(proto);
  if (!spec.ok()) return;
  const absl::StatusOr<EnvironmentSpec> again = FromProto(ToProto(*spec));
  KMYRIAD_CHECK(again.ok());
  KMYRIAD_CHECK(*again == *spec);
}

std::vector<std::string> Seeds() {
  return {ToProto(FakeEnvironment()).SerializeAsString()};
}

}  // namespace kmyriad
