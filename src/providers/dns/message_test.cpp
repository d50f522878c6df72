// What goes onto the wire, byte for byte, and what is made of what comes back: of a real server's
// answers, of damaged ones, and of noise.
#include "providers/dns/message.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include "providers/dns/tsig_vectors.h"

namespace bascule::dns {
namespace {

const Key kKey{"bascule-key.", "hmac-sha256", kVectorSecret};

const Update kMove{"example.com.",
                   {RecordSet{"app.example.com.", "A", 30, {"192.0.2.1"}}},
                   {RecordSet{"app.example.com.", "A", 30, {"198.51.100.7"}}}};

std::string to_hex(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Bytes part(const Bytes& bytes, std::size_t from, std::size_t size) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(from),
          bytes.begin() + static_cast<std::ptrdiff_t>(from + size)};
}

Bytes hmac_sha256(const Bytes& secret, const Bytes& message) {
  Bytes mac(32, 0);
  unsigned size = 0;
  ::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), message.data(),
         message.size(), mac.data(), &size);
  return mac;
}

// The request of a vector as if it had been sent by us: its MAC is the end of its TSIG record.
SignedMessage sent(const TsigVector& vector) {
  SignedMessage message;
  message.bytes = from_hex(vector.request);
  message.id = static_cast<std::uint16_t>(message.bytes[0] << 8 | message.bytes[1]);
  if (vector.request_is_signed) {
    // … | MAC size (2) | MAC (32) | original id (2) | error (2) | other size (2)
    constexpr std::size_t kAfter = 6, kMac = 34;
    message.signature = part(message.bytes, message.bytes.size() - kAfter - kMac, kMac);
  }
  return message;
}

// A message with every compressed name written out (RFC 1035, 4.1.4), so that it can be compared
// with one that was made without compression. REQUIRES: a well-formed one, names in owners only.
class Expanded {
 public:
  explicit Expanded(const Bytes& wire) : wire_(wire) {
    copy(12);
    for (std::size_t i = 0; i < number(4); ++i) {
      name();
      copy(4);
    }
    const std::size_t records = number(6) + number(8) + number(10);
    for (std::size_t i = 0; i < records; ++i) {
      name();
      const std::size_t data = number(at_ + 8);
      copy(10 + data);
    }
    EXPECT_EQ(at_, wire_.size());
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  [[nodiscard]] std::size_t number(std::size_t at) const {
    return static_cast<std::size_t>(wire_[at] << 8 | wire_[at + 1]);
  }
  void copy(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_.push_back(wire_[at_++]);
  }
  void name() {
    std::size_t from = at_;
    std::size_t end = 0;
    while (wire_[from] != 0) {
      if (wire_[from] >= 0xC0) {
        if (end == 0) end = from + 2;
        from = number(from) & 0x3FFF;
        continue;
      }
      for (std::size_t i = 0, size = wire_[from] + 1U; i < size; ++i)
        bytes_.push_back(wire_[from++]);
    }
    bytes_.push_back(0);
    at_ = end != 0 ? end : from + 1;
  }

  const Bytes& wire_;
  std::size_t at_ = 0;
  Bytes bytes_;
};

// RFC 8945, 4.3.3: what is signed is the message without its TSIG record, followed by the record's
// name, class, TTL, algorithm, time, fudge, error and other data.
Bytes mac_input(const Bytes& wire) {
  constexpr std::size_t kRecord = 13 + 10 + 61;  // bascule-key., the fixed part, its data
  Bytes input = part(wire, 0, wire.size() - kRecord);
  input[11] = 0;
  const Bytes known = from_hex(kKnownMacInput);
  const std::size_t variables = known.size() - from_hex(kKnownUnsigned).size();
  Bytes tail = part(known, known.size() - variables, variables);
  const std::size_t time_at = wire.size() - 6 - 34 - 2 - 6;
  for (std::size_t i = 0; i < 6; ++i) tail[tail.size() - 12 + i] = wire[time_at + i];
  input.insert(input.end(), tail.begin(), tail.end());
  return input;
}

TEST(DnsMessage, AnUpdateIsTheKnownBytesAndItsSignatureIsRight) {
  const Result<SignedMessage> made = make_update(kMove, kKey, 0x1234);
  ASSERT_TRUE(made) << made.error().message;
  const Expanded expanded(made->bytes);
  const Bytes known = from_hex(kKnownSigned);
  ASSERT_EQ(expanded.bytes().size(), known.size());
  // The same but for the time of signing and its MAC.
  const std::size_t end = known.size();
  const std::size_t time_at = end - 6 - 34 - 2 - 6;
  EXPECT_EQ(to_hex(part(expanded.bytes(), 0, time_at)), to_hex(part(known, 0, time_at)));
  EXPECT_EQ(to_hex(part(expanded.bytes(), end - 6, 6)), "123400000000");

  const Bytes mac = hmac_sha256(from_hex(kVectorSecretHex), mac_input(made->bytes));
  EXPECT_EQ(to_hex(part(expanded.bytes(), end - 6 - 32, 32)), to_hex(mac));
  EXPECT_EQ(to_hex(made->signature), "0020" + to_hex(mac));
}

TEST(DnsMessage, TheKnownSignatureIsWhatTheSecretMakesOfTheKnownInput) {
  EXPECT_EQ(to_hex(hmac_sha256(from_hex(kVectorSecretHex), from_hex(kKnownMacInput))), kKnownMac);
}

TEST(DnsMessage, ASetThatMustNotExistIsARequirementOfClassNone) {
  const Update first{"shop.test.",
                     {RecordSet{"_bascule.www.shop.test.", "TXT", 5, {}}},
                     {RecordSet{"_bascule.www.shop.test.", "TXT", 5, {"1 demo r-0001 berlin"}}}};
  const Result<SignedMessage> made = make_update(first, kKey, 7);
  ASSERT_TRUE(made) << made.error().message;
  const std::string wire = to_hex(Expanded(made->bytes).bytes());
  EXPECT_EQ(wire.substr(0, 24), "000728000001000100020001");
  const std::string name = "085f62617363756c65037777770473686f70047465737400";
  EXPECT_NE(wire.find(name + "001000fe000000000000"), std::string::npos) << "none exists";
  EXPECT_NE(wire.find(name + "001000ff000000000000"), std::string::npos) << "delete the set";
  EXPECT_NE(wire.find(name + "00100001000000050015" + "14" +
                      to_hex(Bytes{'1', ' ', 'd', 'e', 'm', 'o', ' ', 'r', '-', '0'})),
            std::string::npos)
      << "add the text";
}

TEST(DnsMessage, HmacSha512IsSignedAndVerified) {
  const Key key{"bascule-key.", "hmac-sha512", kVectorSecret};
  EXPECT_TRUE(check_key(key));
  const Result<SignedMessage> made = make_update(kMove, key, 1);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->signature.size(), 2U + 64U);
}

TEST(DnsMessage, AnswersOfARealServerMeanWhatTheySay) {
  for (const TsigVector& vector : kExchanges) {
    SCOPED_TRACE(vector.tag);
    const Result<Outcome> outcome =
        read_update_answer(from_hex(vector.response), sent(vector), kKey);
    if (vector.outcome) {
      ASSERT_TRUE(outcome) << outcome.error().message;
      EXPECT_EQ(*outcome, *vector.outcome);
      continue;
    }
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, vector.error) << outcome.error().message;
    EXPECT_NE(outcome.error().message.find(vector.says), std::string::npos)
        << outcome.error().message;
    if (vector.error == ErrorCode::denied) {
      EXPECT_FALSE(outcome.error().what_to_do.empty());
    }
  }
}

TEST(DnsMessage, ASuccessThatIsNotSignedWithOurKeyIsNotBelieved) {
  const TsigVector& success = kExchanges[0];
  const Bytes answer = from_hex(success.response);
  const Key other{"bascule-key.", "hmac-sha256", "bm90IHRoZSBzZWNyZXQgYXQgYWxs"};
  const Result<Outcome> by_other = read_update_answer(answer, sent(success), other);
  ASSERT_FALSE(by_other);
  EXPECT_EQ(by_other.error().code, ErrorCode::outcome_unknown);

  // An answer that was signed, but to another request.
  SignedMessage another = sent(success);
  another.signature.back() ^= 1;
  EXPECT_EQ(read_update_answer(answer, another, kKey).error().code, ErrorCode::outcome_unknown);
  another = sent(success);
  another.id ^= 1;
  EXPECT_EQ(read_update_answer(answer, another, kKey).error().code, ErrorCode::outcome_unknown);

  Bytes unsigned_success = part(answer, 0, 12);
  unsigned_success[5] = 0;   // no zone
  unsigned_success[11] = 0;  // no TSIG
  EXPECT_EQ(read_update_answer(unsigned_success, sent(success), kKey).error().code,
            ErrorCode::outcome_unknown);
}

TEST(DnsMessage, NoFlippedBitMakesAnotherAnswerOfASignedOne) {
  for (const std::size_t which : {0U, 1U}) {
    const TsigVector& vector = kExchanges[which];
    const Bytes answer = from_hex(vector.response);
    for (std::size_t bit = 0; bit < answer.size() * 8; ++bit) {
      Bytes damaged = answer;
      damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      const Result<Outcome> outcome = read_update_answer(damaged, sent(vector), kKey);
      if (outcome) {
        EXPECT_EQ(*outcome, *vector.outcome) << "bit " << bit;
      }
    }
  }
}

TEST(DnsMessage, NoCutShortAnswerIsASuccess) {
  const TsigVector& success = kExchanges[0];
  const Bytes answer = from_hex(success.response);
  for (std::size_t size = 0; size < answer.size(); ++size) {
    const Result<Outcome> outcome = read_update_answer(part(answer, 0, size), sent(success), kKey);
    ASSERT_FALSE(outcome) << size;
    EXPECT_EQ(outcome.error().code, ErrorCode::outcome_unknown) << size;
  }
}

// An answer to `www.shop.test. A` with two addresses and an alias below, made by hand.
Bytes www_answer(std::uint8_t flags_high = 0x84, std::uint8_t flags_low = 0x00) {
  Bytes bytes = {0x12, 0x34, flags_high, flags_low, 0, 1, 0, 2, 0, 0, 0, 0};
  const std::string question = "037777770473686f70047465737400";
  const std::string record =
      "c00c"
      "0001"
      "0001"
      "0000001e"
      "0004";
  for (const std::uint8_t byte : from_hex(question + "00010001")) bytes.push_back(byte);
  for (const std::uint8_t byte : from_hex(record + "7f000102")) bytes.push_back(byte);
  for (const std::uint8_t byte : from_hex(record + "7f000101")) bytes.push_back(byte);
  return bytes;
}

TEST(DnsMessage, AnAnswerIsARecordSetInOrder) {
  const Result<Answer> answer = read_answer(www_answer(), Question{"WWW.shop.test.", "A"}, 0x1234);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->records);
  EXPECT_EQ(answer->records->values, (std::vector<std::string>{"127.0.1.1", "127.0.1.2"}));
  EXPECT_EQ(answer->records->ttl, 30U);
  EXPECT_TRUE(answer->authoritative);
  EXPECT_FALSE(answer->truncated);
}

TEST(DnsMessage, ATruncatedAnswerHasNoRecords) {
  const Result<Answer> answer =
      read_answer(www_answer(0x86), Question{"www.shop.test.", "A"}, 0x1234);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->truncated);
  EXPECT_FALSE(answer->records);
}

TEST(DnsMessage, ANameThatDoesNotExistHasNoRecordsAndAFailureIsAnError) {
  const Result<Answer> none =
      read_answer(www_answer(0x84, 3), Question{"www.shop.test.", "A"}, 0x1234);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->records);
  const Result<Answer> failed =
      read_answer(www_answer(0x84, 2), Question{"www.shop.test.", "A"}, 0x1234);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_EQ(failed.error().message, "the name server answers SERVFAIL for www.shop.test.");
}

TEST(DnsMessage, AnswersToOtherQuestionsAreRefused) {
  const Bytes answer = www_answer();
  EXPECT_FALSE(answers(answer, 0x1235));
  EXPECT_FALSE(answers(www_answer(0x04), 0x1234)) << "a question is no answer";
  EXPECT_FALSE(answers({}, 0));
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{
           {"www.shop.test.", "TXT"}, {"app.shop.test.", "A"}}) {
    EXPECT_FALSE(read_answer(answer, Question{name, type}, 0x1234));
  }
  EXPECT_FALSE(read_answer(answer, Question{"www.shop.test.", "A"}, 1));
}

TEST(DnsMessage, NoiseIsNeverARecordAndNeverACrash) {
  // A fixed seed: the same noise in every run. NOLINTNEXTLINE
  std::mt19937 noise(20'261'123);
  const Bytes good = www_answer();
  const TsigVector& success = kExchanges[0];
  const Bytes signed_good = from_hex(success.response);
  int read = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    Bytes bytes = turn % 2 == 0 ? good : signed_good;
    const std::size_t changes = 1 + noise() % 8;
    for (std::size_t i = 0; i < changes; ++i)
      bytes[noise() % bytes.size()] = static_cast<std::uint8_t>(noise());
    if (noise() % 4 == 0) bytes.resize(noise() % (bytes.size() + 1));
    if (noise() % 8 == 0)
      bytes.insert(bytes.end(), noise() % 64, static_cast<std::uint8_t>(noise()));
    const Result<Answer> answer = read_answer(bytes, Question{"www.shop.test.", "A"}, 0x1234);
    if (answer) ++read;
    const Result<Outcome> outcome = read_update_answer(bytes, sent(success), kKey);
    if (outcome && *outcome == Outcome::done) {
      EXPECT_EQ(to_hex(part(bytes, 0, 12)), to_hex(part(signed_good, 0, 12)));
    }
  }
  EXPECT_GT(read, 0);
}

TEST(DnsMessage, ValuesAreComparedAsServersShowThem) {
  EXPECT_EQ(canonical_value("A", "127.0.1.1"), "127.0.1.1");
  EXPECT_EQ(canonical_value("AAAA", "2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(canonical_value("CNAME", "Berlin.Shop.test"), "berlin.shop.test.");
  EXPECT_FALSE(canonical_value("A", "2001:db8::1"));
  EXPECT_FALSE(canonical_value("A", "berlin"));
  EXPECT_FALSE(canonical_value("A", ""));
  EXPECT_FALSE(canonical_value("A", "127.0.1.1\nevil. 1 IN A 10.0.0.1"));
}

TEST(DnsMessage, WhatCannotBeSentIsSaidBefore) {
  EXPECT_TRUE(check_record(RecordSet{"www.shop.test.", "A", 1, {"127.0.1.1"}}));
  EXPECT_FALSE(check_record(RecordSet{"www.shop.test", "A", 1, {}})) << "no final dot";
  EXPECT_FALSE(check_record(RecordSet{"", "A", 1, {}}));
  EXPECT_FALSE(check_record(RecordSet{"w w.shop.test.", "A", 1, {}}));
  EXPECT_FALSE(check_record(RecordSet{std::string(64, 'w') + ".shop.test.", "A", 1, {}}));
  EXPECT_FALSE(check_record(RecordSet{"www.shop.test.", "A", 1, {"berlin"}}));
  EXPECT_FALSE(check_record(RecordSet{"www.shop.test.", "TXT", 1, {"a \"quoted\" word"}}));
  EXPECT_FALSE(check_record(RecordSet{"www.shop.test.", "TXT", 1, {std::string(256, 'x')}}));
  EXPECT_TRUE(check_record(RecordSet{"www.shop.test.", "TXT", 1, {std::string(255, 'x')}}));

  EXPECT_TRUE(is_within("www.shop.test.", "shop.test."));
  EXPECT_TRUE(is_within("shop.test.", "SHOP.test."));
  EXPECT_FALSE(is_within("www.myshop.test.", "shop.test."));
}

TEST(DnsMessage, AnUnusableKeyIsNamedWithoutItsSecret) {
  for (const Key& key :
       {Key{"k.", "hmac-sha384", kVectorSecret}, Key{"k.", "hmac-md5", kVectorSecret},
        Key{"k.", "hmac-sha256", ""}, Key{"k.", "hmac-sha256", "%% s3cret %%"}}) {
    const Result<void> checked = check_key(key);
    ASSERT_FALSE(checked) << key.algorithm << " " << key.secret;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid);
    EXPECT_EQ(checked.error().message.find("s3cret"), std::string::npos);
  }
  EXPECT_TRUE(check_key(kKey));
}

}  // namespace
}  // namespace bascule::dns
