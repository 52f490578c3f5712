#include "tests/learner/testing/fake_actor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/config/run_config.h"
#include "common/math/philox.h"
#include "common/policy/policy_weights.h"
#include "common/rpc/message_codec.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr uint32_t kSliceSteps = 2;

Digest FakeFingerprint() { return Sha256Of("fake fingerprint"); }

}  // namespace

EnvironmentSpec FakeEnvironment() {
  EnvironmentSpec spec;
  spec.task = "point_mass";
  spec.terrain = "maze";
  spec.terrain_hash = Sha256Of("terrain");
  spec.act_dim = 2;
  spec.observation = {{"x", 0, 1, false}, {"v", 0.5f, 2, true}};
  spec.features = {"x", "y"};
  spec.x_max = spec.y_max = 5;
  spec.coverage = {0, 0, 1, 5, 1, {1, 1, 0, 1, 1}};
  return spec;
}

v1::Hello FakeHello(const v1::RunConfig& config, const std::string& actor,
                    uint32_t capacity) {
  v1::Hello hello;
  hello.set_protocol_version(kProtocolVersion);
  hello.set_actor_id(actor);
  hello.set_config_hash(ToBytes(RolloutConfigHash(config)));
  hello.set_backend(config.physics().backend());
  hello.set_capacity_blocks(capacity);
  hello.set_fingerprint(ToBytes(FakeFingerprint()));
  hello.set_golden_digest(ToBytes(Sha256Of("golden")));
  *hello.mutable_environment() = ToProto(FakeEnvironment());
  return hello;
}

Segment FakeSegment(const v1::RunConfig& config, uint64_t epoch, uint32_t block,
                    const Digest& policy_hash) {
  Segment segment;
  const uint32_t envs = config.env().count();
  segment.shape = {BlockRows(envs, block), config.env().horizon(), 2, 2, 2};
  uint64_t key = config.run().seed();
  for (size_t i = 0; i < 8; ++i) key = key * 31 + policy_hash[i];
  for (uint32_t lane = 0; lane < segment.shape.rows; ++lane) {
    for (uint32_t step = 0; step < segment.shape.horizon; ++step) {
      const PhiloxBlock a =
          RunRandom(key, RandomStream::kActionNoise, block * kBlockLanes + lane,
                    static_cast<uint32_t>(epoch), step, 0);
      const PhiloxBlock b =
          RunRandom(key, RandomStream::kActionNoise, block * kBlockLanes + lane,
                    static_cast<uint32_t>(epoch), step, 1);
      segment.observations.push_back(UniformOpen(a.word[0]));
      segment.observations.push_back(UniformOpen(a.word[1]));
      segment.actions.push_back(UniformOpen(a.word[2]));
      segment.actions.push_back(UniformOpen(a.word[3]));
      segment.log_probs.push_back(UniformOpen(b.word[0]));
      segment.features.push_back(UniformOpen(b.word[1]));
      segment.features.push_back(UniformOpen(b.word[2]));
      segment.flags.push_back(b.word[3] % 50 == 0 ? kSampleNonfinite : 0);
    }
  }
  return segment;
}

void FakeConnection::Send(v1::LearnerMessage message) {
  absl::MutexLock lock(&mutex_);
  stored_.push_back(std::move(message));
}

void FakeConnection::Close(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  close_ = status;
}

StreamBacklog FakeConnection::backlog() const {
  absl::MutexLock lock(&mutex_);
  return backlog_;
}

void FakeConnection::SetBacklog(const StreamBacklog& backlog) {
  absl::MutexLock lock(&mutex_);
  backlog_ = backlog;
}

void FakeConnection::Flush() {
  absl::MutexLock lock(&mutex_);
  for (v1::LearnerMessage& message : stored_) {
    flushed_.push_back(std::move(message));
  }
  stored_.clear();
  closed_ = close_;
}

std::vector<v1::LearnerMessage> FakeConnection::Take() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(flushed_, {});
}

absl::optional<absl::Status> FakeConnection::closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_;
}

FakeActor::FakeActor(ActorHub& hub, const v1::RunConfig& config,
                     std::string name, uint32_t capacity)
    : hub_(hub), config_(config), name_(std::move(name)), capacity_(capacity) {
  Connect();
}

FakeActor::~FakeActor() { hub_.OnGone(id_, "the test ends"); }

void FakeActor::Connect() {
  connection_ = std::make_shared<FakeConnection>();
  id_ = hub_.OnConnect(connection_);
  work_.clear();
  snapshot_.clear();
  policy_ = Digest();
  hub_.OnHello(id_, FakeHello(config_, name_, capacity_));
}

void FakeActor::Reconnect() {
  hub_.OnGone(id_, "the test cuts it");
  Connect();
}

void FakeActor::Pump() {
  if (silent_) return;
  if (connection_->closed().has_value()) return;
  for (const v1::LearnerMessage& message : connection_->Take()) {
    Handle(message);
  }
  hub_.OnHeartbeat(id_, v1::Heartbeat());
  SendSlice();
}

void FakeActor::Handle(const v1::LearnerMessage& message) {
  switch (message.message_case()) {
    case v1::LearnerMessage::kWelcome:
      run_uuid_ = *UuidFromBytes(message.welcome().run_uuid(), "run_uuid");
      break;
    case v1::LearnerMessage::kPolicySnapshot:
      TakeChunk(message.policy_snapshot());
      break;
    case v1::LearnerMessage::kLease:
      Begin(message.lease());
      break;
    case v1::LearnerMessage::kRevoke: {
      const v1::Revoke& revoke = message.revoke();
      if (stubborn_) break;
      work_.erase(std::remove_if(work_.begin(), work_.end(),
                                 [&revoke](const Work& work) {
                                   return revoke.all() ||
                                          std::count(revoke.blocks().begin(),
                                                     revoke.blocks().end(),
                                                     work.key.block) > 0;
                                 }),
                  work_.end());
      break;
    }
    case v1::LearnerMessage::kAck:
      ack_ = message.ack();
      break;
    case v1::LearnerMessage::kBatchError:
      errors_.push_back(message.batch_error());
      break;
    case v1::LearnerMessage::kDrain:
      drained_ = message.drain().complete();
      break;
    default:
      break;
  }
}

void FakeActor::TakeChunk(const v1::PolicySnapshotChunk& chunk) {
  if (chunk.index() == 0) snapshot_.clear();
  snapshot_ += chunk.data();
  if (chunk.index() + 1 < chunk.count()) return;
  ASSERT_EQ(snapshot_.size(), chunk.total_bytes());
  policy_ = *DigestFromBytes(chunk.policy_hash(), "policy_hash");
  const auto weights = DecodePolicySnapshot(snapshot_, policy_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  ++snapshots_;
}

void FakeActor::Begin(const v1::Lease& lease) {
  const Digest policy = *DigestFromBytes(lease.policy_hash(), "policy_hash");
  // The policy that a lease names was sent before it.
  ASSERT_EQ(policy, policy_);
  for (const uint32_t block : lease.blocks()) {
    Work work;
    work.key = {run_uuid_, lease.epoch(), block, policy, FakeFingerprint()};
    work.segment = FakeSegment(config_, lease.epoch(), block, policy);
    if (wrong_) {
      float& number = work.segment.observations[0];
      number = std::bit_cast<float>(std::bit_cast<uint32_t>(number) ^ 1);
    }
    work_.push_back(std::move(work));
  }
}

void FakeActor::SendSlice() {
  if (work_.empty()) return;
  Work& work = work_.front();
  const uint32_t horizon = work.segment.shape.horizon;
  if (work.next_step < horizon) {
    v1::StateBatch batch;
    const uint32_t steps = std::min(kSliceSteps, horizon - work.next_step);
    EncodeStateBatch(work.key, work.segment, work.next_step, steps, &batch);
    work.next_step += steps;
    hub_.OnBatch(id_, batch);
    return;
  }
  v1::SegmentDone done;
  *done.mutable_key() = ToProto(work.key);
  Digest hash = HashSegment(work.segment);
  if (std::exchange(damage_, false)) hash[0] ^= 1;
  done.set_sha256(ToBytes(hash));
  work_.pop_front();
  hub_.OnSegmentDone(id_, done);
}

}  // namespace kmyriad
