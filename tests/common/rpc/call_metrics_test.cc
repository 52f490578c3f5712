#include "common/rpc/call_metrics.h"

#include <memory>
#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

// Answers GetStatus, refuses Stop, knows nothing else, and tells two events.
class TwoAnswers : public v1::Control::Service {
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                         v1::Status*) override {
    return grpc::Status::OK;
  }
  grpc::Status Stop(grpc::ServerContext*, const v1::StopRequest*,
                    v1::StopResponse*) override {
    return {grpc::StatusCode::FAILED_PRECONDITION, "no"};
  }
  grpc::Status WatchEvents(grpc::ServerContext*, const v1::WatchEventsRequest*,
                           grpc::ServerWriter<v1::Event>* writer) override {
    writer->Write({});
    writer->Write({});
    return grpc::Status::OK;
  }
};

class CallMetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GrpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.metrics = &server_registry_;
    KMYRIAD_ASSERT_OK_AND_ASSIGN(server_,
                                 GrpcServer::Start(options, {&service_}, {}));
    KMYRIAD_ASSERT_OK_AND_ASSIGN(
        const auto channel,
        MakeChannel(server_->address(), {}, &client_registry_));
    stub_ = v1::Control::NewStub(channel);
  }

  double Of(MetricsRegistry& registry, const std::string& name,
            const std::string& method, const std::string& code = "") {
    auto text = ParsePrometheusText(registry.Text());
    EXPECT_THAT(text, IsOk());
    std::map<std::string, std::string> labels = {{"grpc_method", method}};
    if (!code.empty()) labels["grpc_code"] = code;
    return text->Value(name, labels);
  }

  MetricsRegistry server_registry_;
  MetricsRegistry client_registry_;
  TwoAnswers service_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::Control::Stub> stub_;
};

TEST_F(CallMetricsTest, BothEndsCountUnaryCallsByCode) {
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    v1::Status response;
    EXPECT_TRUE(stub_->GetStatus(&context, {}, &response).ok());
  }
  grpc::ClientContext context;
  v1::StopResponse response;
  EXPECT_FALSE(stub_->Stop(&context, {}, &response).ok());
  server_->Shutdown(5);
  struct End {
    MetricsRegistry& registry;
    std::string prefix;
  };
  for (const End& end : {End{server_registry_, "grpc_server_"},
                         End{client_registry_, "grpc_client_"}}) {
    const auto of = [&](const char* name, const char* method,
                        const char* code = "") {
      return Of(end.registry, end.prefix + name, method, code);
    };
    EXPECT_EQ(of("started_total", "GetStatus"), 3) << end.prefix;
    EXPECT_EQ(of("handled_total", "GetStatus", "OK"), 3);
    EXPECT_EQ(of("msg_received_total", "GetStatus"), 3);
    EXPECT_EQ(of("msg_sent_total", "GetStatus"), 3);
    EXPECT_EQ(of("handling_seconds_count", "GetStatus"), 3);
    EXPECT_EQ(of("handled_total", "Stop", "FailedPrecondition"), 1);
    EXPECT_EQ(of("handling_seconds_count", "Stop"), 1);
  }
}

TEST_F(CallMetricsTest, MessagesOfStreamsCountAndTheirDurationDoesNot) {
  grpc::ClientContext context;
  auto reader = stub_->WatchEvents(&context, {});
  v1::Event event;
  int events = 0;
  while (reader->Read(&event)) ++events;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(events, 2);
  server_->Shutdown(5);
  EXPECT_EQ(Of(server_registry_, "grpc_server_msg_sent_total", "WatchEvents"),
            2);
  EXPECT_EQ(
      Of(client_registry_, "grpc_client_msg_received_total", "WatchEvents"), 2);
  EXPECT_EQ(
      Of(client_registry_, "grpc_client_handled_total", "WatchEvents", "OK"),
      1);
  EXPECT_EQ(server_registry_.Text().find("handling_seconds"),
            std::string::npos);
}

// What a stranger calls makes no series of its own.
TEST_F(CallMetricsTest, UnknownMethodsAreOther) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const auto channel,
      MakeChannel(server_->address(), {}, &client_registry_));
  v1::Learner::Stub stranger(channel);
  grpc::ClientContext context;
  auto stream = stranger.Collect(&context);
  v1::LearnerMessage message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Of(client_registry_, "grpc_client_handled_total", "Collect",
               "Unimplemented"),
            1);
  server_->Shutdown(5);
  EXPECT_EQ(server_registry_.Text().find("grpc_service=\"kmyriad.v1.Learner\""),
            std::string::npos);
}

}  // namespace
}  // namespace kmyriad
