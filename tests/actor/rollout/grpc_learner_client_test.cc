#include "actor/rollout/grpc_learner_client.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/actor/rollout/scripted_learner.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

// Writes down what comes.
class Recorder : public LearnerEvents {
 public:
  void OnWelcome(const SessionTerms& t) override { terms = t; }
  void OnPolicyChunk(const PolicyChunk&) override {}
  void OnLease(const BlockLease& l) override { leases.push_back(l); }
  void OnRevoke(const LeaseRevocation& r) override { revocations.push_back(r); }
  void OnAck(const SegmentAck& a) override { acks.push_back(a); }
  void OnBatchError(const absl::Status& e) override { errors.push_back(e); }
  void OnDrain(const std::string&, bool complete) override {
    run_complete = complete;
  }
  void OnHeartbeat() override { ++heartbeats; }
  void OnEnd(const absl::Status& s) override {
    status = s;
    end.Notify();
  }

  SessionTerms terms;
  std::vector<BlockLease> leases;
  std::vector<LeaseRevocation> revocations;
  std::vector<SegmentAck> acks;
  std::vector<absl::Status> errors;
  bool run_complete = false;
  int heartbeats = 0;
  absl::Status status;
  absl::Notification end;
};

class GrpcLearnerClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hello_.actor_id = "a:1:2";
    hello_.environment = run_.model->spec();
    auto client = MakeGrpcLearnerClient(address_);
    ASSERT_TRUE(client.ok());
    client_ = *std::move(client);
  }

  const SmallRun run_;
  const TempDir folder_;
  const std::string address_ = "unix:" + folder_.File("s");
  ActorHello hello_;
  Recorder events_;
  std::unique_ptr<LearnerClient> client_;
};

TEST_F(GrpcLearnerClientTest, TellsEveryMessage) {
  ScriptedLearner learner(address_);
  const auto stream = client_->Open(hello_, &events_);
  const auto session = learner.NextSession();
  ASSERT_NE(session, nullptr);
  const auto hello = session->Next();
  ASSERT_TRUE(hello.has_value() && hello->has_hello());
  EXPECT_EQ(hello->hello().protocol_version(), 1u);
  EXPECT_EQ(hello->hello().actor_id(), "a:1:2");
  EXPECT_EQ(hello->hello().environment().observation_size(),
            static_cast<int>(run_.network.obs_dim));

  Digest hash;
  hash.fill(4);
  session->Welcome(9, 100, 50);
  session->Lease(3, 2, hash, {1, 5});
  session->Revoke(3, {5});
  session->Ack(0, 0);
  v1::LearnerMessage message;
  message.mutable_heartbeat();
  session->Send(message);
  message.mutable_batch_error()->set_code(3);
  message.mutable_batch_error()->set_message("rows = 3");
  session->Send(message);
  session->Drain(true);
  session->Close(grpc::Status(grpc::StatusCode::ABORTED, "end"));
  events_.end.WaitForNotification();

  EXPECT_THAT(events_.status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(events_.terms.seed, 9u);
  EXPECT_EQ(events_.terms.credit_bytes, 100u);
  ASSERT_EQ(events_.leases.size(), 1u);
  EXPECT_EQ(events_.leases[0].policy_hash, hash);
  EXPECT_EQ(events_.leases[0].blocks, (std::vector<uint32_t>{1, 5}));
  ASSERT_EQ(events_.revocations.size(), 1u);
  EXPECT_EQ(events_.revocations[0].blocks, (std::vector<uint32_t>{5}));
  ASSERT_EQ(events_.acks.size(), 1u);
  EXPECT_EQ(events_.acks[0].last_verdict, SegmentVerdict::kApplied);
  EXPECT_EQ(events_.heartbeats, 1);
  ASSERT_EQ(events_.errors.size(), 1u);
  EXPECT_EQ(events_.errors[0].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(events_.run_complete);
}

// A learner from before `complete` says so of a run that it stops, too.
TEST(DrainTest, WhatWasFinalIsNotComplete) {
  v1::Drain drain;
  ASSERT_TRUE(drain.ParseFromString(std::string("\x10\x01", 2)));
  EXPECT_FALSE(drain.complete());
}

TEST_F(GrpcLearnerClientTest, SaysWhenNobodyIsThere) {
  const auto stream = client_->Open(hello_, &events_);
  events_.end.WaitForNotification();
  EXPECT_THAT(events_.status, StatusIs(absl::StatusCode::kUnavailable));
  // Sending on is harmless.
  stream->SendHeartbeat({});
  stream->Leave("");
}

TEST_F(GrpcLearnerClientTest, LeavingEndsInOrder) {
  ScriptedLearner learner(address_);
  const auto stream = client_->Open(hello_, &events_);
  const auto session = learner.NextSession();
  ASSERT_NE(session, nullptr);
  stream->SendHeartbeat({3, 2, 1.5, 0.5, 7});
  stream->Leave("done");
  events_.end.WaitForNotification();
  EXPECT_THAT(events_.status, IsOk());
  EXPECT_TRUE(session->Next()->has_hello());
  const v1::ActorTotals totals = session->Next()->heartbeat().totals();
  EXPECT_EQ(totals.env_steps(), 3u);
  EXPECT_EQ(totals.nonfinite(), 2u);
  EXPECT_EQ(totals.cpu_seconds(), 1.5);
  EXPECT_EQ(totals.credit_wait_seconds(), 0.5);
  EXPECT_EQ(totals.resident_bytes(), 7u);
  EXPECT_EQ(session->Next()->bye().reason(), "done");
}

// Threads send while the stream is cancelled: each message is sent whole or
// not at all, and nothing is touched after the end.
TEST_F(GrpcLearnerClientTest, ThreadsMaySendWhileTheStreamEnds) {
  ScriptedLearner learner(address_);
  const Segment segment = run_.Reference(1, 1, 0, 1);
  for (int round = 0; round < 30; ++round) {
    Recorder events;
    auto stream = client_->Open(hello_, &events);
    const auto session = learner.NextSession();
    ASSERT_NE(session, nullptr);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          stream->SendBatch(SegmentKey(), segment, 0, 20);
          stream->SendHeartbeat({});
        }
      });
    }
    threads.emplace_back([&] {
      if (round % 2 == 0) {
        stream->Cancel();
      } else {
        session->Close(grpc::Status::OK);
      }
    });
    for (std::thread& thread : threads) thread.join();
    stream.reset();
    EXPECT_TRUE(events.end.HasBeenNotified());
  }
}

}  // namespace
}  // namespace kmyriad
